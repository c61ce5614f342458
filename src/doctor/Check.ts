/** One thing that `doctor` looks at, and how it is run: bounded, and never failing. */
import { Cause, Effect } from "effect"
import { escapeControls } from "../domain/escapeControls.ts"
import { foreignText } from "../services/delivery/foreignText.ts"
import type { configTable } from "../services/config/configTable.ts"
import type { DoctorResult } from "./DoctorReport.ts"

/** A key of the configuration's table. */
export type ConfigKey = keyof ReturnType<typeof configTable>

/** What a look found: a line, and what mends it unless all is well. */
export type Finding =
  | { readonly outcome: "ok"; readonly found: string }
  | { readonly outcome: "warning" | "failure"; readonly found: string; readonly remedy: string }

/** A check; its look changes nothing that a Looper beside it would notice. */
export interface Check<R = never> {
  /** Stable, in snake_case. */
  readonly name: string
  /** Without these it proves nothing: it is not made where one of them is not valid. */
  readonly reads: ReadonlyArray<ConfigKey>
  /** Default: 10 s. */
  readonly boundMillis?: number
  readonly look: Effect.Effect<Finding, never, R>
}

const defaultBoundMillis = 10_000

/** All is well. */
export const ok = (found: string): Finding => ({ outcome: "ok", found })

/** Looper works, but not as safely or as fully as it could. */
export const warning = (found: string, remedy: string): Finding => ({ outcome: "warning", found, remedy })

/** Looper or its runs do not work. */
export const failure = (found: string, remedy: string): Finding => ({ outcome: "failure", found, remedy })

/** Runs a check; one that dies or does not end within its bound is a failure that says so. */
export const runCheck = <R>(check: Check<R>): Effect.Effect<DoctorResult, never, R> => {
  const { name, look, boundMillis = defaultBoundMillis } = check
  return Effect.interruptible(look).pipe(
    Effect.timeoutOrElse({
      duration: boundMillis,
      orElse: () =>
        Effect.succeed(
          failure(`no answer within ${boundMillis / 1_000} s`, "run looper doctor again when it is less busy")
        )
    }),
    Effect.catchCause((cause) => Effect.succeed(died(cause))),
    Effect.map((finding) => resultOf(name, finding))
  )
}

/** A finding as a result; paths and the like may hold control characters. */
export const resultOf = (name: string, finding: Finding): DoctorResult => {
  const result = { name, outcome: finding.outcome, found: escapeControls(finding.found) }
  return finding.outcome === "ok" ? result : { ...result, remedy: escapeControls(finding.remedy) }
}

const died = (cause: Cause.Cause<never>): Finding => {
  const defect = Cause.squash(cause)
  const words = foreignText(defect instanceof Error ? defect.message : String(defect), [])
  return failure(`the check itself failed: ${words}`, "mend what it names, or report it as a fault of looper doctor")
}
