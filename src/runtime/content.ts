/** Answers that are not JSON, streams among them. */
import { Cause, Effect, Exit, Stream } from "effect"
import type { RunExit } from "./app.ts"
import type { Content } from "./Handler.ts"

/**
 * Content as a response.
 *
 * **Details** A stream runs as fast as its reader takes it, and stops with a reader that goes away. A shutdown ends it
 * like its own end, behind `last`; a failure breaks the connection off, so that nobody takes what came for all of it: `outgoing` is
 * destroyed, because for an error of the body the listener would answer 500 in a form of its own.
 */
export const contentResponse = <R>(
  { status = 200, headers, body, last }: Content,
  options: { readonly isHead: boolean; readonly common: Readonly<Record<string, string>> } & Sending<R>
): Response => {
  const sent = options.isHead ? null : Stream.isStream(body) ? readable(body, { ...options, last }) : body
  return new Response(sent, { status, headers: { "X-Content-Type-Options": "nosniff", ...headers, ...options.common } })
}

interface Sending<R> {
  readonly runExit: RunExit<R>
  /** What the answer goes out by, where it is Node's. */
  readonly outgoing?: { destroy(): unknown } | undefined
  readonly last?: Content["last"] | undefined
}

const readable = <E, R>(
  stream: Stream.Stream<Uint8Array, E>,
  { runExit, outgoing, last }: Sending<R>
): ReadableStream<Uint8Array> => {
  const reader = new AbortController()
  let onPull: (() => void) | undefined
  const sendTo = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const send = (chunk: Uint8Array) =>
      Effect.callback<void>((resume) => {
        controller.enqueue(chunk)
        if ((controller.desiredSize ?? 0) > 0) resume(Effect.void)
        else onPull = () => resume(Effect.void)
      })
    const sending = Stream.runForEach(stream, send).pipe(
      Effect.tapCause((cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logWarning("http.stream.fail", cause)
      )
    )
    const exit = await runExit(sending, { signal: reader.signal })
    if (reader.signal.aborted) return
    if (Exit.isSuccess(exit)) return controller.close()
    if (Cause.hasInterruptsOnly(exit.cause)) {
      const bytes = last?.()
      if (bytes !== undefined) controller.enqueue(bytes)
      return controller.close()
    }
    if (outgoing !== undefined) outgoing.destroy()
    else controller.error(new Error("the stream ended before its end"))
  }
  return new ReadableStream<Uint8Array>({
    start(controller) {
      void sendTo(controller)
    },
    pull() {
      // The next chunk may be sent before this call returns.
      const resume = onPull
      onPull = undefined
      resume?.()
    },
    cancel() {
      reader.abort()
    }
  })
}
