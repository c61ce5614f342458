/** Where the bytes of a run log are, and where its lines begin and end in it. */
import { existsSync, readlinkSync } from "node:fs"
import type { FileHandle } from "node:fs/promises"
import * as path from "node:path"
import { headerEnd, headerStart } from "../../domain/runLog.ts"

const sliceBytes = 64 * 1024
const newline = 0x0a

/**
 * The path under which a run log can be opened: a deleted one lives on as its codex' stdout.
 *
 * **Source** proc_pid_fd(5): the link of a deleted file ends in ` (deleted)`.
 */
export const sourceOf = (logPath: string, codexPid: number | undefined): string => {
  if (codexPid === undefined || existsSync(logPath)) return logPath
  const stdout = `/proc/${codexPid}/fd/1`
  try {
    return path.basename(readlinkSync(stdout)) === `${path.basename(logPath)} (deleted)` ? stdout : logPath
  } catch {
    return logPath
  }
}

/** Bytes of a run log's header; all there is where it was cut, 0 where the log was written anew without one. */
export const headerBytesOf = async (handle: FileHandle): Promise<number> => {
  const buffer = Buffer.alloc(sliceBytes)
  let position = 0
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, sliceBytes, position)
    const slice = buffer.subarray(0, bytesRead)
    if (position === 0 && !slice.subarray(0, headerStart.length).equals(Buffer.from(headerStart))) return 0
    const index = slice.indexOf(headerEnd)
    if (index >= 0) return position + index + headerEnd.length
    if (bytesRead < headerEnd.length) return position + bytesRead
    // The two newlines may stand in two slices.
    position += bytesRead - 1
  }
}

/** Where the last whole line ends. */
export const lastLineEnd = async (handle: FileHandle): Promise<number> => {
  const { size } = await handle.stat()
  const buffer = Buffer.alloc(sliceBytes)
  for (let end = size; end > 0; end -= sliceBytes) {
    const start = Math.max(0, end - sliceBytes)
    const { bytesRead } = await handle.read(buffer, 0, end - start, start)
    const index = buffer.subarray(0, bytesRead).lastIndexOf(newline)
    if (index >= 0) return start + index + 1
  }
  return 0
}
