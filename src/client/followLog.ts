/** Follows the log of a run over broken connections and restarts of Looper: each byte once, then the run's end. */
import { Duration, Effect, type Schedule, Stream } from "effect"
import * as Sse from "effect/encoding/Sse"
import { runLog } from "../../handlers/runLog.ts"
import { type DecodedLogEvent, decodeLogEvent } from "../domain/logEvents.ts"
import { LogLost, NotLooper, RequestInvalid, Unreachable } from "./clientErrors.ts"
import type { ErrorOf } from "./clientOf.ts"
import { encodeRequest } from "./encodeRequest.ts"
import { failWith } from "./readAnswer.ts"
import { reconnectSchedule, whileTemporary } from "./reconnect.ts"
import type { Send, Sent } from "./send.ts"

/** What is followed, from where, and for how long without Looper. */
export interface FollowOptions {
  /** The run's id. */
  readonly id: string
  /** Offset in bytes of the first byte wanted; default 0. */
  readonly from?: number
  /** Begins with so many last lines, where there is no `from`. */
  readonly tail?: number
  /**
   * When to connect again; after any byte that came it begins anew. Default {@link reconnectSchedule}, which goes on
   * for ever; a definite answer, such as 404, ends it.
   */
  readonly retry?: Schedule.Schedule<unknown, unknown>
  /** A connection that is silent for so long is dead; default 45 seconds, three heartbeats of Looper. */
  readonly silence?: Duration.Input
}

/** Bytes of the log and the offset behind them, in order; the last event is the run's `end`. */
export type LogEvent = Exclude<DecodedLogEvent, { readonly kind: "gone" | "shutdown" }>
/** What following goes by: that a Looper stops is the end of its connection, which follows at once. */
type TakenEvent = Exclude<DecodedLogEvent, { readonly kind: "shutdown" }>

/** How following ends before the run does. */
export type FollowError = ErrorOf<typeof runLog> | LogLost

/** Follows with what sends a client's requests; see {@link FollowOptions}. */
export const followLogWith =
  (send: Send) =>
  (options: FollowOptions): Stream.Stream<LogEvent, FollowError> =>
    Stream.suspend(() => {
      const { id, tail, retry = reconnectSchedule, silence = "45 seconds" } = options
      let offset = options.from
      const place = () => (offset === undefined ? { ...(tail !== undefined && { tail }) } : { last_event_id: offset })

      const connection = Effect.gen(function* () {
        const request = yield* Effect.mapError(encodeRequest(runLog, { id, follow: true, ...place() }), named)
        const url = { url: request.path }
        const sent = yield* Effect.timeoutOrElse(send(request), {
          duration: silence,
          orElse: () => Effect.fail(silent(url, silence))
        })
        return sent.status === 200 ? eventsOf(sent, silence) : Stream.fromEffect(failWith(sent, runLog))
      })

      const taken = (event: TakenEvent, url: string): Effect.Effect<LogEvent, LogLost | NotLooper> => {
        if (event.kind === "gone") return Effect.fail(new LogLost({ id, reason: event.reason }))
        const start = event.offset - (event.kind === "bytes" ? event.bytes.length : 0)
        if (offset !== undefined && start !== offset) {
          const reason = `its bytes go on at ${start} behind ${offset}`
          return Effect.fail(new NotLooper({ url, status: 200, reason }))
        }
        offset = event.offset
        return Effect.succeed(event)
      }

      return Stream.unwrap(connection).pipe(
        Stream.mapEffect(({ event, url }) => taken(event, url)),
        Stream.retry(whileTemporary(retry)),
        Stream.takeUntil(({ kind }) => kind === "end")
      ) as Stream.Stream<LogEvent, FollowError>
    })

/** The caller's name for the field. */
const named = (error: RequestInvalid): RequestInvalid =>
  error.field === "last_event_id"
    ? new RequestInvalid({ field: "from", message: error.message.replace("last_event_id", "from") })
    : error

const silent = ({ url }: { readonly url: string }, silence: Duration.Input) => {
  const reason = `no byte came for ${Duration.toSeconds(Duration.fromInputUnsafe(silence))} s`
  return new Unreachable({ url, reason, isUnsent: false })
}

/** The events of one connection; its end without the run's is a failure. */
const eventsOf = (sent: Sent, silence: Duration.Input) => {
  const type = sent.headers["content-type"] ?? "no content type"
  const { url } = sent
  const notLooper = (reason: string) => new NotLooper({ url, status: sent.status, reason })
  if (!/^text\/event-stream\b/i.test(type)) {
    return Stream.fail(notLooper(`its answer is ${type.slice(0, 100)}, not a stream of events`))
  }
  let parsed: Array<Sse.Event> = []
  const parser = Sse.makeParser((event) => event._tag === "Event" && parsed.push(event))
  const parse = (text: string) =>
    Effect.suspend(() => {
      parsed = []
      const error = parser.feed(text)
      return error === undefined ? Effect.succeed(parsed) : Effect.fail(notLooper("an event of it is too long"))
    })
  const cut = new Unreachable({ url, reason: "the connection ended before the run did", isUnsent: false })
  return sent.body.pipe(
    Stream.timeoutOrElse({ duration: silence, orElse: () => Stream.fail(silent(sent, silence)) }),
    Stream.decodeText(),
    Stream.mapEffect(parse),
    Stream.flattenIterable,
    Stream.mapEffect((event) => Effect.mapError(decodeLogEvent(event), () => notLooper("its events are not a log's"))),
    Stream.filter((event): event is TakenEvent => event.kind !== "shutdown"),
    Stream.map((event) => ({ event, url })),
    Stream.concat(Stream.fail(cut))
  )
}
