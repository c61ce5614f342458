/** Reads run logs and the server log, and says what the mirror of a run's bytes is. */
import { closeSync, openSync, readFileSync, readSync } from "node:fs"
import { sizeOf } from "./processes.ts"

const cutAt = 1_048_576

export interface ReadRunLog {
  readonly id: string
  readonly workspace: string
  readonly command: string
  /** What the run wrote before the trailer. */
  readonly body: Buffer
  /** Of the last trailer; undefined where there is none. */
  readonly code: string | undefined
  /** What came after the trailer. */
  readonly rest: Buffer
}

/** Takes a run log apart; throws where its header is not as documented. */
export const readRunLog = (path: string): ReadRunLog => {
  const bytes = readFileSync(path)
  const header = /^# looper_request_id=(.*)\n# workspace=(.*)\n# command=(.*)\n\n/.exec(bytes.toString("latin1"))
  if (header === null) throw new Error(`${path} begins with ${bytes.subarray(0, 500)}`)
  const [, id = "", workspace = "", command = ""] = header
  const after = bytes.subarray(header[0].length)
  const trailer = [...after.toString("latin1").matchAll(/\n# codex_exec_return_code=(\d+|unknown)(?=\n)/g)].at(-1)
  const end = trailer?.index ?? after.length
  return {
    id,
    workspace: Buffer.from(workspace, "latin1").toString(),
    command: Buffer.from(command, "latin1").toString(),
    body: after.subarray(0, end),
    code: trailer?.[1],
    rest: after.subarray(trailer === undefined ? end : end + trailer[0].length + 1)
  }
}

/** A file's text from a byte on. */
export const textFrom = (path: string, offset: number): string => {
  const bytes = Buffer.alloc(Math.max(0, sizeOf(path) - offset))
  const fd = openSync(path, "r")
  try {
    const count = readSync(fd, bytes, 0, bytes.length, offset)
    return bytes.subarray(0, count).toString("utf8")
  } finally {
    closeSync(fd)
  }
}

/** Whether a line of the server log is one of Looper's own records. */
export const isRecord = (line: string): boolean => /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ looper /.test(line)

/** The mirrored lines in a part of the server log. */
export const mirroredIn = (text: string): ReadonlyArray<string> => {
  const lines = text.split("\n")
  return lines.slice(0, -1).filter((line) => !isRecord(line))
}

/** The lines of the server log that a run's bytes make. */
export const mirrorOf = (body: Buffer, logPath: string): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (let start = 0; start < body.length; ) {
    const newline = body.indexOf(10, start)
    const line = body.subarray(start, newline < 0 ? body.length : newline)
    lines.push(mirroredLine(newline > 0 && line.at(-1) === 13 ? line.subarray(0, -1) : line, logPath))
    start = newline < 0 ? body.length : newline + 1
  }
  return lines
}

const mirroredLine = (bytes: Buffer, logPath: string): string => {
  const whole = bytes.subarray(0, cutAt).toString("utf8")
  const note = bytes.length > cutAt ? `… [${bytes.length} bytes, see ${logPath}]` : ""
  const text = whole.replace(/[^\P{Cc}\t]/gu, "?") + note
  return isRecord(text) ? ` ${text}` : text
}
