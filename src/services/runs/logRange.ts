/** A range of a run log as a stream. */
import type { FileHandle } from "node:fs/promises"
import { Cause, Effect, type Pull, Stream } from "effect"
import { LogTruncated } from "../../domain/errors.ts"
import type { RequestId } from "../../domain/RequestId.ts"
import { readBetween } from "./openRunLog.ts"

const readBytes = 64 * 1024

/**
 * The bytes from `start` up to, not with, `end`, read as they are taken.
 *
 * **Errors** `LogTruncated`: the file ends before `end`.
 */
export const bytesOf = (
  handle: FileHandle,
  { requestId, start, end }: { readonly requestId: RequestId; readonly start: number; readonly end: number }
): Stream.Stream<Uint8Array, LogTruncated> => {
  let offset = start
  const read = Effect.suspend(() =>
    Effect.promise(() => readBetween(handle, offset, Math.min(end, offset + readBytes)))
  )
  const taken = (bytes: Uint8Array) => {
    offset += bytes.length
    return bytes.length === 0
      ? Effect.fail(new LogTruncated({ requestId, offset, end }))
      : Effect.succeed([bytes] as const)
  }
  const pull = Effect.suspend(
    (): Pull.Pull<readonly [Uint8Array], LogTruncated> => (offset < end ? Effect.flatMap(read, taken) : Cause.done())
  )
  return Stream.fromPull(Effect.succeed(pull))
}
