/** The numbers of a run log's lines by their offsets: where lines are is remembered for the runs asked for last. */
import type { FileHandle } from "node:fs/promises"
import { Effect, Semaphore } from "effect"
import { readBetween } from "./openRunLog.ts"

const blockBytes = 256 * 1024
const newline = 0x0a

/** What is kept of how many runs, and how much of each. */
export interface LineNumbersOptions {
  readonly maxRuns: number
  /** Bytes between two places of a log whose lines before them are known. */
  readonly strideBytes: number
  /** A log that needs more of them gets places twice as far apart. */
  readonly maxPlaces: number
}

const defaults: LineNumbersOptions = { maxRuns: 32, strideBytes: 1024 * 1024, maxPlaces: 8_192 }

/** Of one log: how many newlines stand before each multiple of the stride, from 0 on, as far as it was read. */
interface KnownLines {
  /** Device, inode and birth: a number may be used again. */
  readonly identity: string
  /** When it was last looked at, in bytes. */
  size: number
  strideBytes: number
  before: Array<number>
  /** Two that ask at once must not read all of it twice. */
  readonly reading: Semaphore.Semaphore
}

/** The lines of run logs; at most 2 MiB. */
export class LineNumbers {
  private readonly options: LineNumbersOptions
  /** The one asked for last is the last. */
  private readonly runs = new Map<string, KnownLines>()

  constructor(options: Partial<LineNumbersOptions> = {}) {
    this.options = { ...defaults, ...options }
  }

  /**
   * The number, from 1, of the line that `offset` lies in or begins.
   *
   * **Details** Reads what lies between the next place before it that is known and the offset; a log that is another
   * file or shorter than what is known of it is read anew.
   */
  numberAt(requestId: string, handle: FileHandle, offset: number): Effect.Effect<number> {
    return Effect.gen({ self: this }, function* () {
      const { dev, ino, birthtimeMs, size } = yield* Effect.promise(() => handle.stat())
      const known = this.linesOf(requestId, { identity: `${dev}:${ino}:${birthtimeMs}`, size })
      return yield* known.reading.withPermit(this.count(known, handle, Math.min(offset, size)))
    })
  }

  private linesOf(requestId: string, file: Pick<KnownLines, "identity" | "size">): KnownLines {
    const { maxRuns, strideBytes } = this.options
    const last = this.runs.get(requestId)
    const isSame = last !== undefined && last.identity === file.identity && last.size <= file.size
    const known = isSame ? last : { ...file, strideBytes, before: [0], reading: Semaphore.makeUnsafe(1) }
    known.size = file.size
    this.runs.delete(requestId)
    this.runs.set(requestId, known)
    for (const oldest of this.runs.keys()) {
      if (this.runs.size <= maxRuns) break
      this.runs.delete(oldest)
    }
    return known
  }

  private count(known: KnownLines, handle: FileHandle, offset: number): Effect.Effect<number> {
    return Effect.gen({ self: this }, function* () {
      for (;;) {
        const end = known.before.length * known.strideBytes
        if (end > offset) break
        const before = known.before.at(-1) ?? 0
        const newlines = yield* newlinesBetween(handle, end - known.strideBytes, end)
        this.add(known, before + newlines)
      }
      const index = Math.floor(offset / known.strideBytes)
      const rest = yield* newlinesBetween(handle, index * known.strideBytes, offset)
      return 1 + (known.before[index] ?? 0) + rest
    })
  }

  private add(known: KnownLines, before: number): void {
    known.before.push(before)
    if (known.before.length <= this.options.maxPlaces) return
    known.before = known.before.filter((_, index) => index % 2 === 0)
    known.strideBytes *= 2
  }
}

/** How many newlines the bytes from `start` up to, not with, `end` have. */
const newlinesBetween = Effect.fnUntraced(function* (handle: FileHandle, start: number, end: number) {
  let count = 0
  for (let from = start; from < end; from += blockBytes) {
    const block = yield* Effect.promise(() => readBetween(handle, from, Math.min(end, from + blockBytes)))
    count += newlinesIn(block)
  }
  return count
})

/** Many lines are short: to look at each byte is faster than to search for each newline. */
const newlinesIn = (block: Buffer): number => {
  let count = 0
  for (let index = 0; index < block.length; index++) if (block[index] === newline) count += 1
  return count
}
