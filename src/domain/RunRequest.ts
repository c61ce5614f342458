/** Bodies of the routes that take one. A field's issue completes the sentence `'<field>' …`. */
import { Schema } from "effect"
import { promptProblem, textProblem } from "./prompt.ts"
import { Seconds } from "./seconds.ts"

/** The issue of a required field that is absent or blank; reads `missing '<field>'`. */
export const missing = "missing"

/** A day. */
export const maxDelaySeconds = 86_400
/** An hour. */
export const maxStartupCheckSeconds = 3_600

const Text = Schema.String.annotate({ message: "must be a string" }).check(Schema.makeFilter(textProblem))

const Message = Text.check(Schema.makeFilter((text) => (text.trim() === "" ? missing : undefined))).annotateKey({
  messageMissingKey: missing,
  description: "Sent before anything else happens",
  examples: ["Next task"]
})

const Prompt = Schema.String.annotate({ message: "must be a string" }).check(
  Schema.makeFilter((text) => promptProblem(text.trim()))
)

const Named = Text.check(Schema.makeFilter((text) => (text.trim() === "" ? "must not be blank" : undefined)))

const Delay = Schema.optionalKey(Seconds({ maximum: maxDelaySeconds }))
/** The first Looper's delays, which were four. */
const LegacyDelay = Delay.annotateKey({
  description: "Old name of a part of `codex_exec_delay_seconds`: without that field the sum of the four counts"
})

const legacyDelays = [
  "startup_delay_seconds",
  "sidebar_delay_seconds",
  "new_task_delay_seconds",
  "prompt_send_delay_seconds"
] as const

const DryRun = Schema.optionalKey(Schema.Boolean.annotate({ message: "must be true or false" })).annotateKey({
  description: "`true`: answers `codex_exec_pids` and `tree_pids` (all that would be signalled), and does nothing"
})

const launchFields = {
  codex_prompt: Schema.optionalKey(Prompt).annotateKey({
    description: "What codex is to do, at most 131,071 bytes. Absent: the default prompt",
    examples: ["Do the next task of NOTES.md"]
  }),
  prompt: Schema.optionalKey(Prompt).annotateKey({ description: "Old name of `codex_prompt`, which counts before it" }),
  workspace: Schema.optionalKey(Text).annotateKey({
    description: "Directory for codex' `-C`, relative to Looper's folder. Absent or blank: the default workspace"
  }),
  codex_exec_binary: Schema.optionalKey(Named).annotateKey({
    description:
      "Path or name of codex. Absent: `CODEX_EXEC_BINARY`, a build below `./codex`, or `codex` on `PATH`. Chooses a program"
  }),
  codex_exec_delay_seconds: Delay.annotateKey({
    description: "Wait before the launch. Absent: the older delays' sum, or `CODEX_EXEC_DELAY_SECONDS`"
  }),
  startup_delay_seconds: LegacyDelay,
  sidebar_delay_seconds: LegacyDelay,
  new_task_delay_seconds: LegacyDelay,
  prompt_send_delay_seconds: LegacyDelay,
  codex_exec_startup_check_seconds: Schema.optionalKey(Seconds({ maximum: maxStartupCheckSeconds })).annotateKey({
    description: "How long codex must live to count as started. Absent: `CODEX_EXEC_STARTUP_CHECK_SECONDS`"
  })
}

type Delays = { readonly [Field in (typeof legacyDelays)[number] | "codex_exec_delay_seconds"]?: number }

/** The delay that a request asks for: its own field, else the sum of the first Looper's, else none. */
export const delaySecondsOf = (request: Delays): number | undefined => {
  if (request.codex_exec_delay_seconds !== undefined) return request.codex_exec_delay_seconds
  const given = legacyDelays.flatMap((field) => request[field] ?? [])
  return given.length === 0 ? undefined : given.reduce((sum, seconds) => sum + seconds, 0)
}

/** What is wrong with a request as a whole: its delays together are too long. */
const delayProblem = (request: Delays): string | undefined =>
  (delaySecondsOf(request) ?? 0) > maxDelaySeconds
    ? `the sum of ${legacyDelays.map((field) => `'${field}'`).join(", ")} must be <= ${maxDelaySeconds}`
    : undefined

/** Without a message there is nothing that an empty prompt could mean. */
const emptyPromptProblem = (request: { readonly codex_prompt?: string; readonly prompt?: string }) =>
  (request.codex_prompt ?? request.prompt)?.trim() === "" ? "'codex_prompt' must not be empty" : undefined

/** Body of `POST /spawn`. */
export const SpawnRequest = Schema.Struct(launchFields)
  .check(Schema.makeFilter(delayProblem), Schema.makeFilter(emptyPromptProblem))
  .annotate({ identifier: "SpawnRequest" })
/** A decoded body of `POST /spawn`. */
export type SpawnRequest = typeof SpawnRequest.Type

/** Body of `POST /run`. */
export const RunRequest = Schema.Struct({
  zulip_message: Message,
  zulip_script_path: Schema.optionalKey(Named).annotateKey({
    description: "Node script that sends the message instead: `node <script> <message>`. Chooses a program"
  }),
  dry_run: DryRun,
  ...launchFields,
  codex_prompt: launchFields.codex_prompt.annotateKey({
    description:
      "What codex is to do, at most 131,071 bytes. Absent: the default prompt. Empty: only the message is sent, nothing is stopped or started",
    examples: ["Do the next task of NOTES.md"]
  })
})
  .check(Schema.makeFilter(delayProblem))
  .annotate({ identifier: "RunRequest" })
/** A decoded body of `POST /run`. */
export type RunRequest = typeof RunRequest.Type

/** Body of `POST /kill`. */
export const KillRequest = Schema.Struct({ dry_run: DryRun }).annotate({ identifier: "KillRequest" })

/** Body of `POST /notify`. */
export const NotifyRequest = Schema.Struct({ zulip_message: Message }).annotate({ identifier: "NotifyRequest" })

/** Body of a route that is told nothing. */
export const EmptyRequest = Schema.Struct({}).annotate({ identifier: "EmptyRequest" })
