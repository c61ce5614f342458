/** All checks, run beside each other, without any of the layers that a Looper holds while it lives. */
import { Cause, Effect, Layer, Logger } from "effect"
import { redactor } from "../logging.ts"
import { CodexBinary } from "../services/CodexBinary.ts"
import { type ConfigSource, LooperConfig } from "../services/config/LooperConfig.ts"
import { decodeSparingly, type SparingConfig } from "../services/config/decodeSparingly.ts"
import { DefaultPrompt } from "../services/DefaultPrompt.ts"
import { Workspaces } from "../services/Workspaces.ts"
import { accessCheck, portCheck } from "./addressChecks.ts"
import { type Check, failure, resultOf, runCheck } from "./Check.ts"
import { codexBinaryCheck, codexHomeCheck, codexLoginCheck, codexNetworkCheck } from "./codexChecks.ts"
import { judgeConfiguration, judgeNode, keysOf } from "./configurationChecks.ts"
import type { DoctorReport, DoctorResult } from "./DoctorReport.ts"
import { freeSpaceCheck, logFolderCheck, serverLogCheck } from "./folderChecks.ts"
import { notifierCheck } from "./notifierCheck.ts"
import { processesCheck } from "./processChecks.ts"
import { defaultPromptCheck, workspaceCheck } from "./workspaceChecks.ts"

type Services = LooperConfig | CodexBinary | DefaultPrompt | Workspaces

/** In the order of the report. */
const checksOf = (source: ConfigSource, { problems }: SparingConfig): ReadonlyArray<Check<Services>> => [
  { name: "node", reads: [], look: Effect.sync(() => judgeNode(process.versions.node)) },
  { name: "configuration", reads: [], look: Effect.sync(() => judgeConfiguration(source, problems)) },
  codexBinaryCheck,
  codexLoginCheck,
  codexNetworkCheck,
  codexHomeCheck,
  workspaceCheck,
  defaultPromptCheck,
  notifierCheck,
  portCheck,
  accessCheck,
  logFolderCheck,
  serverLogCheck,
  freeSpaceCheck,
  processesCheck
]

/** A check that reads a variable which is not valid would prove nothing. */
const runUnlessInvalid = (check: Check<Services>, invalid: ReadonlyMap<unknown, string>) => {
  const variable = check.reads.map((key) => invalid.get(key)).find((name) => name !== undefined)
  if (variable === undefined) return runCheck(check)
  const finding = failure(`not looked at: ${variable} is not valid`, `correct ${variable} first`)
  return Effect.succeed(resultOf(check.name, finding))
}

const runAll = Effect.fnUntraced(function* (source: ConfigSource) {
  const sparing = yield* decodeSparingly(source)
  const { config, problems } = sparing
  const keys = keysOf(source.root)
  const invalid = new Map(problems.map(({ variable }) => [keys.get(variable), variable]))
  const services = Layer.mergeAll(CodexBinary.layerNoDeps, DefaultPrompt.layerNoDeps, Workspaces.layerNoDeps)
  const layer = Layer.mergeAll(services, Logger.layer([])).pipe(Layer.provideMerge(Layer.succeed(LooperConfig, config)))
  const results = yield* Effect.forEach(checksOf(source, sparing), (check) => runUnlessInvalid(check, invalid), {
    concurrency: "unbounded"
  }).pipe(Effect.provide(layer))
  const redact = redactor(config)
  return results.map((result) => withoutSecrets(result, redact))
})

const withoutSecrets = (result: DoctorResult, redact: (text: string) => string): DoctorResult => {
  const { name, outcome, found, remedy } = result
  return { name, outcome, found: redact(found), ...(remedy !== undefined && { remedy: redact(remedy) }) }
}

/**
 * Looks at everything that a Looper in `root` with this environment needs.
 *
 * **Details** Runs on a broken machine and beside a live Looper: it takes no lock, opens no database, signals nobody
 * and sends no message. Checks run beside each other, each with a bound: 10 s, for the notifier 35 s. It never fails:
 * a check that dies is a failure in the report. No secret stands in it.
 */
export const doctor = (source: ConfigSource): Effect.Effect<DoctorReport> =>
  runAll(source).pipe(
    Effect.catchCause((cause) => {
      const { found, remedy } = failureOf(cause)
      return Effect.succeed<ReadonlyArray<DoctorResult>>([{ name: "configuration", outcome: "failure", found, remedy }])
    }),
    Effect.map((checks) => ({ ok: checks.every(({ outcome }) => outcome !== "failure"), checks }))
  )

const failureOf = (cause: Cause.Cause<never>) => {
  const defect = Cause.squash(cause)
  return {
    found: `the configuration cannot be read: ${defect instanceof Error ? defect.message : String(defect)}`,
    remedy: "mend what it names"
  }
}
