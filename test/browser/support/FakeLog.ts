/** A run's log at the fake Looper: the bytes of a file, and who follows it. */
import { Buffer } from "node:buffer"
import type { ServerResponse } from "node:http"
import { encodeLogChunk, encodedHeartbeat, encodeLogEnd, type LogEnd } from "../../../src/domain/logEvents.ts"

const LF = 10
/** As much as Looper sends in one event. */
const pieceBytes = 64 * 1_024

/** A connection that follows a log, and how much of it was sent there. */
interface Follower {
  readonly response: ServerResponse
  sent: number
}

/** Grows, ends, and breaks its followers off as a test says. */
export class FakeLog {
  #bytes = Buffer.alloc(0)
  #size = 0
  readonly #followers = new Set<Follower>()
  #end: LogEnd | undefined
  /** Where each connection that followed it began, in order: offsets, `undefined` for one that named none. */
  readonly resumedAt: Array<number | undefined> = []

  constructor(text: string | Uint8Array = "") {
    this.append(text)
  }

  get size(): number {
    return this.#size
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#size)
  }

  get followers(): number {
    return this.#followers.size
  }

  append(text: string | Uint8Array): void {
    const added = Buffer.from(text as string)
    if (this.#size + added.length > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(2 * this.#bytes.length, this.#size + added.length))
      this.bytes.copy(grown)
      this.#bytes = grown
    }
    added.copy(this.#bytes, this.#size)
    this.#size += added.length
    for (const follower of this.#followers) this.#send(follower)
  }

  /** The run has ended: followers get the last event, later ones too. */
  finish(end: LogEnd): void {
    this.#end = end
    for (const follower of this.#followers) this.#send(follower)
  }

  /** Cuts every follower off, as a Looper does that is killed. */
  breakOff(): void {
    this.#expectFollower()
    for (const { response } of this.#followers) response.destroy()
    this.#followers.clear()
  }

  /** Writes an event of any kind to who follows. */
  say(event: string): void {
    this.#expectFollower()
    for (const { response } of this.#followers) response.write(event)
  }

  follow(response: ServerResponse, from: number, resumed: number | undefined): void {
    const follower = { response, sent: from }
    this.resumedAt.push(resumed)
    this.#followers.add(follower)
    response.on("close", () => this.#followers.delete(follower))
    response.write(encodedHeartbeat)
    this.#send(follower)
  }

  /** Nobody hears what is said before he follows: a page shows lines first and follows behind them. */
  #expectFollower(): void {
    if (this.#followers.size === 0) throw new Error("nobody follows this log yet")
  }

  #send(follower: Follower): void {
    while (follower.sent < this.#size) {
      const end = Math.min(this.#size, follower.sent + pieceBytes)
      follower.response.write(encodeLogChunk(this.#bytes.subarray(follower.sent, end), end))
      follower.sent = end
    }
    if (this.#end === undefined) return
    this.#followers.delete(follower)
    follower.response.end(encodeLogEnd(this.#end, this.#size))
  }

  /** Where its last so many lines begin. */
  tailStart(lines: number): number {
    if (lines === 0) return this.#size
    let at = this.#bytes[this.#size - 1] === LF ? this.#size - 1 : this.#size
    for (let left = lines; left > 0; left--) {
      if (at <= 0) return 0
      at = this.#bytes.lastIndexOf(LF, at - 1)
      if (at < 0) return 0
    }
    return at + 1
  }

  /** Number, from 1, of the line that the byte is in. */
  lineAt(offset: number): number {
    let line = 1
    for (let at = this.#bytes.indexOf(LF); at >= 0 && at < offset; at = this.#bytes.indexOf(LF, at + 1)) line++
    return line
  }
}
