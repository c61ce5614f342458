/**
 * A program of its own: follows one run's log over many connections, and tells its parent when all follow, and at the end
 * how many of them got every byte.
 *
 * **Details** The first one's bytes are kept. Those of the others are compared with them as they come, since events are
 * encoded once for all; what one got otherwise is kept too, from there on, and decoded like the first one's at the end.
 */
import { readFileSync } from "node:fs"
import { request as httpRequest, type IncomingMessage } from "node:http"
import type { CrowdPlan, CrowdReport } from "./followers.ts"

/** What one follower got: as much as the first one's from the beginning, then pieces of its own. */
class Follower {
  same = 0
  own: Array<Buffer> = []
  private waiting: Array<Buffer> = []
  private readonly first: First

  constructor(first: First) {
    this.first = first
  }

  take(chunk: Buffer): void {
    if (this.own.length > 0) this.own.push(chunk)
    else {
      this.waiting.push(chunk)
      this.compare()
    }
  }

  /** What the first one has not got yet waits. */
  compare(): void {
    for (let chunk = this.waiting[0]; chunk !== undefined; chunk = this.waiting[0]) {
      const count = Math.min(chunk.length, this.first.length - this.same)
      if (count === 0) return
      if (!this.first.has(chunk.subarray(0, count), this.same)) {
        this.own = this.waiting
        this.waiting = []
        return
      }
      this.same += count
      if (count === chunk.length) this.waiting.shift()
      else this.waiting[0] = chunk.subarray(count)
    }
  }

  bytes(): Buffer {
    return Buffer.concat([this.first.upTo(this.same), ...this.own, ...this.waiting])
  }
}

/** The first follower's bytes, in a buffer that doubles. */
class First {
  length = 0
  private buffer = Buffer.alloc(16 * 1024 * 1024)

  take(chunk: Buffer): void {
    while (this.length + chunk.length > this.buffer.length) this.buffer = Buffer.concat([this.buffer, this.buffer])
    chunk.copy(this.buffer, this.length)
    this.length += chunk.length
  }

  has(piece: Buffer, at: number): boolean {
    return this.buffer.compare(piece, 0, piece.length, at, at + piece.length) === 0
  }

  upTo(length: number): Buffer {
    return this.buffer.subarray(0, length)
  }
}

/** The log's bytes that a stream of events carries. */
const decoded = (stream: Buffer): Buffer => {
  const pieces: Array<Buffer> = []
  for (const block of stream.toString("utf8").split("\n\n")) {
    const data = /^data: (.*)$/m.exec(block)?.[1]
    if (data === undefined || /^event: /m.test(block)) continue
    const { text, base64 } = JSON.parse(data) as { readonly text?: string; readonly base64?: string }
    pieces.push(text === undefined ? Buffer.from(base64 ?? "", "base64") : Buffer.from(text))
  }
  return Buffer.concat(pieces)
}

const plan = JSON.parse(process.argv[2] ?? "{}") as CrowdPlan
const first = new First()

const open = () => {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const url = new URL(`/runs/${plan.requestId}/log?follow=1`, plan.url)
  httpRequest(url, { agent: false }, resolve).on("error", reject).end()
  return promise
}

const follow = async (response: IncomingMessage, take: (chunk: Buffer) => void): Promise<void> => {
  if (response.statusCode !== 200) throw new Error(`a follower got ${response.statusCode}`)
  response.on("data", take)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  response.on("end", resolve).on("error", reject)
  return await promise
}

const responses = await Promise.all(Array.from({ length: plan.followers }, open))
const [head, ...tail] = responses
if (head === undefined) throw new Error("no followers")
const others = tail.map(() => new Follower(first))
const ended = Promise.all([
  follow(head, (chunk) => {
    first.take(chunk)
  }),
  ...tail.map((response, index) => follow(response, (chunk) => others[index]?.take(chunk)))
])
process.send?.("following")
await ended

const log = readFileSync(plan.logPath)
const whole = decoded(first.upTo(first.length))
let exact = log.equals(whole) && log.length > plan.atLeastBytes ? 1 : 0
for (const follower of others) {
  follower.compare()
  const isSame = follower.same === first.length && follower.own.length === 0
  if (isSame ? exact > 0 : decoded(follower.bytes()).equals(whole)) exact++
}
process.send?.({ exact } satisfies CrowdReport)
process.disconnect?.()
