/** The configuration as far as it is valid, for a look at one that is not. */
import { Effect, Result } from "effect"
import type { ConfigInvalid } from "./configValue.ts"
import { type ConfigSource, decodeConfig, type LooperConfigShape } from "./LooperConfig.ts"

/** What is valid, invalid variables counting as unset, and what is wrong with each of those. */
export interface SparingConfig {
  readonly config: LooperConfigShape
  readonly problems: ReadonlyArray<ConfigInvalid>
}

/** What asks for `LOOPER_WEBHOOK_URL`, so that it may not be unset. */
const asking = "LOOPER_NOTIFIER"

/** Decodes the configuration again and again, each time without the variable that was invalid. */
export const decodeSparingly = Effect.fnUntraced(function* (source: ConfigSource): Effect.fn.Return<SparingConfig> {
  const leftOut = new Set<string>()
  const problems: Array<ConfigInvalid> = []
  for (;;) {
    const result = yield* Effect.result(decodeConfig(source, leftOut))
    if (Result.isSuccess(result)) return { config: result.success, problems }
    const { variable } = result.failure
    const isAskedFor = leftOut.has(variable)
    if (isAskedFor && leftOut.has(asking)) return yield* Effect.die(result.failure)
    if (!isAskedFor) problems.push(result.failure)
    leftOut.add(isAskedFor ? asking : variable)
  }
})
