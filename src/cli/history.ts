/** `looper status` and `looper runs`. */
import { Effect, Option } from "effect"
import type { RunInfo } from "../domain/runAnswers.ts"
import type { CommandFailed } from "./exitCodes.ts"
import { print, printJson } from "./output.ts"
import { answered, connect, orFail } from "./remote.ts"
import { runsText } from "./runsText.ts"
import { statusText } from "./statusText.ts"

/** `looper status` */
export const status = (options: { readonly json: boolean }) =>
  answered(options, (looper) => looper.status(), statusText)

interface RunsOptions {
  readonly state: Option.Option<string>
  readonly autopoll: Option.Option<boolean>
  readonly limit: Option.Option<string>
  readonly cursor: Option.Option<string>
  readonly all: boolean
  readonly json: boolean
}

/** `looper runs`; with `--all` one page after the other, which as JSON are one. */
export const runs = (options: RunsOptions): Effect.Effect<void, CommandFailed> =>
  Effect.gen(function* () {
    const looper = yield* connect
    const found: Array<RunInfo> = []
    let cursor = Option.getOrUndefined(options.cursor)
    do {
      const page = yield* orFail(options, looper.runs(queryOf(options, cursor)))
      found.push(...page.runs)
      cursor = page.next_cursor ?? undefined
    } while (options.all && cursor !== undefined)
    if (options.json) return yield* printJson({ ok: true, runs: found, next_cursor: cursor ?? null })
    yield* print(...runsText(found), ...(cursor === undefined ? [] : [`Older ones: looper runs --cursor ${cursor}`]))
  })

const queryOf = (options: RunsOptions, cursor: string | undefined) => ({
  ...(Option.isSome(options.state) && { state: options.state.value }),
  ...(Option.isSome(options.autopoll) && { autopoll: options.autopoll.value }),
  ...(Option.isSome(options.limit) && { limit: options.limit.value }),
  ...(cursor !== undefined && { cursor })
})
