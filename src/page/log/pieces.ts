/** Lines of a log around a place of it, read by their bytes. */
import { type LogLine, linesOf } from "./LineDecoder.ts"
import { LineKinds } from "./lineKind.ts"
import type { LogFile, LogPiece } from "./LogFile.ts"

const firstSpan = 96 * 1024
const maxSpan = 16 * 1024 * 1024
/** What is read on both sides of a place that is gone to. */
const behindSpan = 256 * 1024

/** Lines that follow each other, and what can be told of the ones behind them. */
export interface Stretch {
  readonly lines: ReadonlyArray<LogLine>
  readonly kinds: LineKinds
}

const withKinds = (lines: ReadonlyArray<LogLine>, isFirst: boolean): Stretch => {
  const kinds = new LineKinds(isFirst)
  for (const line of lines) line.kind = kinds.next(line.text)
  return { lines, kinds }
}

/** All lines of a piece that ends at the end of a line, or amid one that is longer than anybody reads. */
const allOf = (piece: LogPiece, isLineStart: boolean): Array<LogLine> => {
  const { lines, decoder } = linesOf(piece.bytes, { ...piece, isLineStart })
  const last = decoder.finish()
  if (last !== undefined) lines.push(last)
  return lines
}

/** Up to `count` lines before `end`, which is the start of a line, or of a part of one. */
export const linesBefore = async (file: LogFile, end: number, count: number): Promise<Stretch> => {
  for (let span = firstSpan; ; span = Math.min(span * 4, maxSpan)) {
    const start = Math.max(0, end - span)
    const piece = await file.range(start, end)
    const isLineStart = start === 0
    const lines = allOf(piece, isLineStart)
    const isEnough = lines.length >= count || isLineStart || (lines.length > 0 && span >= maxSpan / 16)
    if (isEnough) {
      const { lines: all, kinds } = withKinds(lines, isLineStart)
      return { lines: all.slice(-count), kinds }
    }
    // A single line that is longer than anybody reads: its end alone.
    if (span >= maxSpan) return withKinds(allOf(piece, true), false)
  }
}

/** Whole lines from `start`, which is the start of a line, or of a part of one, before `limit`. */
export const linesFrom = async (file: LogFile, start: number, limit: number): Promise<Stretch> => {
  for (let span = behindSpan; ; span *= 4) {
    const end = Math.min(limit, start + span)
    const piece = await file.range(start, end)
    const { lines, decoder } = linesOf(piece.bytes, { offset: start, number: piece.number, isLineStart: true })
    // A log that has ended may end without a line feed.
    const last = end === limit ? decoder.finish() : undefined
    if (last !== undefined) lines.push(last)
    if (lines.length > 0 || end === limit) return withKinds(lines, start === 0)
    // Of a line that is longer than anybody reads a part, so that the next one can be asked for.
    if (span >= maxSpan) return withKinds(allOf(piece, true), start === 0)
  }
}

/** Lines around a place, some before it. */
export const linesAround = async (file: LogFile, place: number, limit: number): Promise<Stretch> => {
  const at = Math.max(0, Math.min(place, limit - 1))
  const start = Math.max(0, at - firstSpan)
  const piece = await file.range(start, Math.min(limit, at + behindSpan))
  const { lines, decoder } = linesOf(piece.bytes, { offset: start, number: piece.number, isLineStart: start === 0 })
  const last = at + behindSpan >= limit ? decoder.finish() : undefined
  if (last !== undefined) lines.push(last)
  const isThere = (lines[0]?.start ?? Number.POSITIVE_INFINITY) <= at && (lines.at(-1)?.end ?? 0) > at
  // Amid a line that is longer than what was read.
  return isThere ? withKinds(lines, start === 0) : linesFrom(file, at, limit)
}
