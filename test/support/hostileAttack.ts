/** Sends hostile requests to a Looper over a few connections at once, and keeps the book by which its log is judged. */
import type { SeededRandom } from "./seededRandom.ts"
import { seededRandom } from "./seededRandom.ts"
import {
  BadAnswer,
  type HostileConnection,
  openHostile,
  problemOf,
  quote,
  type StrictAnswer
} from "./hostileConnection.ts"
import { broken, type HostileRequest, mutated, tagOf, wellFormed } from "./hostileRequests.ts"

/** A request, a seed's part, was not treated as documented. */
export class Violation extends Error {
  constructor(message: string, where: Where, requests: ReadonlyArray<HostileRequest>) {
    const sent = requests.map(({ shape, bytes }, n) => `${n + 1}. ${shape}: ${quote(bytes)}`).join("\n")
    super(`${message}\nLOOPER_HOSTILE_SEED=${where.seed}, batch ${where.batch}; sent:\n${sent}`)
  }
}

interface Where {
  readonly seed: number
  readonly batch: number
}

/** What came of the requests, for the comparison with the log. */
export interface Book {
  /** By X-Request-Id, which may be drawn twice: the statuses of answers that the app gave. */
  readonly byApp: Map<string, Array<number>>
  /** Ids of answers that the parser's refusals have: the log knows nothing of them. */
  readonly byParser: Set<string>
  /** Tags of requests that may stand in the log without an answer: cut, or changed beyond knowing. */
  readonly cut: Set<string>
  sent: number
  /** Shapes, and how many of each there were. */
  readonly shapes: Map<string, number>
}

export const openBook = (): Book => ({
  byApp: new Map(),
  byParser: new Set(),
  cut: new Set(),
  sent: 0,
  shapes: new Map()
})

/** Of timeouts some are the app's: whose start then has its end and no answer in this book. */
const parserCodes = new Set(["request_timeout", "malformed_request", "headers_too_large", "expectation_failed"])

export const enter = (book: Book, answer: StrictAnswer): void => {
  // A HEAD's answer has no body to tell; the parser refuses none.
  if (answer.code !== undefined && parserCodes.has(answer.code)) {
    book.byParser.add(answer.id)
    return
  }
  const statuses = book.byApp.get(answer.id)
  if (statuses === undefined) book.byApp.set(answer.id, [answer.status])
  else statuses.push(answer.status)
}

const healthOf = (tag: string) => Buffer.from(`GET /health HTTP/1.1\r\nHost: localhost\r\nUser-Agent: ${tag}\r\n\r\n`)

/** In the `User-Agent` of requests that must never be executed. */
export const smuggledTag = "smuggled"

export interface AttackOptions {
  readonly port: number
  readonly seed: number
  readonly requests: number
  readonly connections: number
  readonly book: Book
}

/** Sends so many requests, in batches that the seed alone decides; fails with the first that is treated wrongly. */
export const attack = async (options: AttackOptions): Promise<void> => {
  const { port, seed, book } = options
  const end = book.sent + options.requests
  let batch = book.sent
  let failure: unknown
  const worker = async () => {
    let connection: HostileConnection | undefined
    let barrier = await openHostile(port)
    while (book.sent < end && failure === undefined) {
      const where = { seed, batch: batch++ }
      const random = seededRandom(seed, where.batch)
      try {
        if (barrier.isClosed()) barrier = await openHostile(port)
        connection = await perform({ random, where, book, port, connection, barrier })
      } catch (error) {
        failure ??= error
      }
    }
    connection?.socket.destroy()
    barrier.socket.destroy()
    await Promise.all([connection?.closed, barrier.closed])
  }
  await Promise.all(Array.from({ length: options.connections }, worker))
  if (failure !== undefined) throw failure
}

interface Task {
  readonly random: SeededRandom
  readonly where: Where
  readonly book: Book
  readonly port: number
  /** Open for the next batch. */
  readonly connection: HostileConnection | undefined
  readonly barrier: HostileConnection
}

/** One batch; gives the connection that it leaves open. */
const perform = async (task: Task): Promise<HostileConnection | undefined> => {
  const { random } = task
  const kind = random.below(100)
  if (kind < 8) return await sendMutated(task)
  if (kind < 12) return await sendHalf(task)
  return await sendOrderly(task, { isBroken: kind < 45 })
}

const note = ({ book }: Task, requests: ReadonlyArray<HostileRequest>) => {
  book.sent += requests.length
  for (const { shape } of requests) book.shapes.set(shape, (book.shapes.get(shape) ?? 0) + 1)
}

const live = async ({ connection, port }: Task): Promise<HostileConnection> =>
  connection === undefined || connection.isClosed() ? await openHostile(port) : connection

/** Requests whose answers are known, pipelined; the last may end the connection, and what follows it is not read. */
const sendOrderly = async (task: Task, { isBroken }: { readonly isBroken: boolean }) => {
  const { random, where, book } = task
  const index = where.batch
  const wellFormedOnes = Array.from({ length: isBroken ? random.below(4) : 1 + random.below(12) }, () =>
    wellFormed(random, index)
  )
  const last = isBroken ? broken(random, index) : wellFormed(random, index, { isLast: true })
  const requests = [...wellFormedOnes, last]
  note(task, requests)
  if (last.expected.isCutByParser) book.cut.add(tagOf(index))
  const connection = await live(task)
  const bytes = Buffer.concat([
    ...requests.map((request) => request.bytes),
    ...(last.expected.closes === true && !last.expected.isRefusedByApp ? [healthOf(`${smuggledTag}/${index}`)] : [])
  ])
  await write(connection, random, bytes)
  let closes = false
  for (const [n, { expected }] of requests.entries()) {
    const answer = await checked(connection.next(expected.isHead === true), where, requests)
    const problem = problemOf(answer, expected)
    if (problem !== undefined || answer === undefined) {
      throw new Violation(
        `request ${n + 1}: ${problem} instead of ${expected.status} ${expected.code ?? ""}`,
        where,
        requests
      )
    }
    enter(book, answer)
    if (answer.closes) closes = true
    if (expected.closes !== "maybe" && answer.closes !== (expected.closes === true))
      throw new Violation(`request ${n + 1}: Connection: close is ${answer.closes}`, where, requests)
  }
  if (last.expected.closes === "maybe" && !closes) connection.socket.end()
  else if (!closes) return connection
  await connection.closed
  if (connection.rest().length > 0)
    throw new Violation(`an answer too many: ${quote(connection.rest())}`, where, requests)
  return undefined
}

/** A request that ends, or is reset, in its middle. */
const sendHalf = async (task: Task) => {
  const { random, where, book } = task
  const requests = [random.chance(0.3) ? broken(random, where.batch) : wellFormed(random, where.batch)]
  note(task, requests)
  book.cut.add(tagOf(where.batch))
  const connection = await openHostile(task.port)
  const [{ bytes }] = requests as [HostileRequest]
  await write(connection, random, bytes.subarray(0, random.below(bytes.length)))
  if (random.chance(0.5)) await pass(task)
  if (random.chance(0.5)) connection.socket.resetAndDestroy()
  else connection.socket.end()
  await drain(task, connection, requests)
  return task.connection
}

/** Bytes of which nobody knows what they are: whatever is answered is well-formed. */
const sendMutated = async (task: Task) => {
  const { random, where, book } = task
  const requests = Array.from({ length: 1 + random.below(2) }, () => mutated(random, where.batch))
  note(task, requests)
  book.cut.add(tagOf(where.batch))
  const connection = await openHostile(task.port)
  await write(connection, random, Buffer.concat(requests.map(({ bytes }) => bytes)))
  await pass(task)
  connection.socket.end()
  await drain(task, connection, requests)
  return task.connection
}

/** Until Looper has answered what came after the bytes that were sent before. */
const pass = async (task: Task) => {
  const { barrier, book, where } = task
  barrier.socket.write(healthOf(tagOf(where.batch)))
  const answer = await checked(barrier.next(false), where, [])
  if (answer?.text !== '{"ok":true}\n') throw new Violation("GET /health is not answered", where, [])
  enter(book, answer)
}

/** Takes what comes until the connection ends. */
const drain = async ({ where, book }: Task, connection: HostileConnection, requests: ReadonlyArray<HostileRequest>) => {
  await connection.closed
  // Of a HEAD that the bytes may have become, or of an answer that the end cut, only the beginning is looked at.
  const mayBeHead = requests.some(({ bytes }) => bytes.includes("HEAD"))
  while (connection.rest().length > 0 && !mayBeHead) {
    const answer = await checked(connection.next(false), where, requests)
    if (answer !== undefined) enter(book, answer)
  }
}

const checked = async (
  answer: Promise<StrictAnswer | undefined>,
  where: Where,
  requests: ReadonlyArray<HostileRequest>
) => {
  try {
    return await answer
  } catch (error) {
    if (error instanceof BadAnswer) throw new Violation(error.message, where, requests)
    throw error
  }
}

/** In one piece, in a few, or byte by byte, each sent before the next is given. */
const write = async ({ socket }: HostileConnection, random: SeededRandom, bytes: Buffer): Promise<void> => {
  const size = random.chance(0.8) ? bytes.length : random.chance(0.9) ? 1 + random.below(bytes.length) : 1
  const pieces = bytes.length / size > 300 ? bytes.length : size
  for (let at = 0; at < bytes.length && socket.writable; at += pieces) {
    const isTaken = new Promise((resolve) => socket.write(bytes.subarray(at, at + pieces), resolve))
    if (pieces < bytes.length) await isTaken
  }
}
