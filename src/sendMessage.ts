/** One message over the configured Zulip bot, from a command line: what `send-zulip-dm.js` runs. */
import { Cause, Effect, Exit, Layer, Logger } from "effect"
import { LooperConfig, type LooperConfigShape } from "./services/config/LooperConfig.ts"
import { Notifier } from "./services/notifiers/Notifier.ts"
import { layerNotifierClient } from "./services/delivery/nodeClient.ts"
import { provideQuietly } from "./services/delivery/quietClient.ts"
import { accessOf, missingCredentials, refuse } from "./services/zulip/zulipAccess.ts"
import { labelOf } from "./services/zulip/zulipAddress.ts"
import { checkZulip, sourceOf } from "./services/zulip/zulipCheck.ts"
import { zulipClient } from "./services/zulip/zulipClient.ts"
import { sendZulipTest } from "./services/zulip/zulipSendTest.ts"
import { layerZulip } from "./services/zulip/ZulipNotifier.ts"

const usage = [
  'usage: node send-zulip-dm.js "<message>"   sends it',
  "       node send-zulip-dm.js --dry-run     looks at the settings, asks nobody",
  "       node send-zulip-dm.js --check       asks the server whether a message would arrive, sends none",
  "       node send-zulip-dm.js --send-test   sends a test message to the bot's owner, else to the bot itself",
  '       node send-zulip-dm.js -- "<message>" sends it, even if it is --check'
].join("\n")

/** What is printed, and the exit code. */
interface Outcome {
  readonly lines: ReadonlyArray<string>
  readonly exitCode: 0 | 1
}

const done = (...lines: ReadonlyArray<string>): Outcome => ({ lines, exitCode: 0 })

const send = (message: string) =>
  Effect.flatMap(Notifier, (notifier) => notifier.send(message)).pipe(Effect.map(done), Effect.provide(layerZulip))

const dryRun = Effect.gen(function* () {
  const { zulip } = yield* LooperConfig
  const missing = missingCredentials(zulip)
  if (missing.length > 1) return yield* refuse(`Missing ${missing.join(", ")}`)
  yield* accessOf(zulip)
  return done(`DRY_RUN_OK ${sourceOf(zulip)} site=set email=set key=set ${labelOf(zulip)}`)
})

const check = Effect.gen(function* () {
  const { zulip } = yield* LooperConfig
  const provide = provideQuietly(yield* zulipClient(zulip))
  const checks = yield* provide(checkZulip(zulip))
  const lines = checks.map(({ name, outcome, text }) => `${outcome} ${name}: ${text}`)
  const exitCode = checks.some(({ outcome }) => outcome === "failed") ? 1 : 0
  return { lines, exitCode } satisfies Outcome
})

const sendTest = Effect.gen(function* () {
  const { zulip } = yield* LooperConfig
  const provide = provideQuietly(yield* zulipClient(zulip))
  return done(yield* provide(sendZulipTest(zulip)))
})

/** What the arguments ask for; undefined where that is nothing. Before `--` a word that is exactly an option is one. */
const programOf = (args: ReadonlyArray<string>) => {
  const end = args.indexOf("--")
  const words = end < 0 ? args : args.slice(0, end)
  if (words.includes("--dry-run")) return dryRun
  if (words.includes("--check")) return check
  if (words.includes("--send-test")) return sendTest
  const message = [...words, ...(end < 0 ? [] : args.slice(end + 1))].join(" ").trim()
  return message === "" ? undefined : send(message)
}

/** An error's sentence alone; the caller knows that it is about sending. */
const sentenceOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  if (error instanceof Error) return "reason" in error ? String(error.reason) : error.message
  return String(error)
}

/** Does what the arguments ask for and answers with the exit code: 0 done, 1 failed (one line on stderr), 2 usage. */
export const sendMessage = async (options: {
  readonly args: ReadonlyArray<string>
  readonly root: string
  readonly environment: LooperConfigShape["environment"]
}): Promise<number> => {
  const program = programOf(options.args)
  if (program === undefined) {
    process.stderr.write(`${usage}\n`)
    return 2
  }
  const layer = Layer.mergeAll(LooperConfig.layer(options), layerNotifierClient, Logger.layer([]))
  const exit = await Effect.runPromiseExit(Effect.scoped(program).pipe(Effect.provide(layer)))
  if (Exit.isFailure(exit)) {
    process.stderr.write(`${sentenceOf(exit.cause)}\n`)
    return 1
  }
  process.stdout.write(exit.value.lines.map((line) => `${line}\n`).join(""))
  return exit.value.exitCode
}
