import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { layerStartWarnings } from "../../src/runtime/startWarnings.ts"
import { LooperConfig, type LooperConfigShape, type ZulipConfig } from "../../src/services/config/LooperConfig.ts"
import { configFor, makeLogs } from "../services/zulip/sending.ts"

const complete = configFor({ url: "https://x.example", email: "bot@x.org", apiKey: "key" })

/** What is logged at start with these Zulip settings: events and what goes with them. */
const warnings = Effect.fnUntraced(function* (
  change: Partial<ZulipConfig>,
  notifier: LooperConfigShape["notifier"] = "zulip"
) {
  const logs = makeLogs()
  const config = { notifier, logDir: "/nowhere", zulip: { ...complete, ...change } } as LooperConfigShape
  const layer = layerStartWarnings.pipe(Layer.provide(Layer.succeed(LooperConfig, config)), Layer.provide(logs.layer))
  yield* Effect.void.pipe(Effect.provide(layer))
  return logs.lines.map(({ level, event, annotations }) => [level, event, annotations])
})

const zuliprc = { path: "/home/me/.zuliprc", profile: "api" }

describe("at start", () => {
  it.effect("settings that are complete and safe are not worth a word", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* warnings({ zuliprc: { ...zuliprc, isReadableByOthers: false } }), [])
    })
  )

  it.effect.each([
    [
      { site: undefined, botApiKey: Redacted.make("  ") },
      "zulip.config.missing",
      { variables: ["ZULIP_SITE", "ZULIP_BOT_API_KEY"] }
    ],
    [
      { problem: "the zuliprc /x does not exist" },
      "zulip.config.unusable",
      { reason: "the zuliprc /x does not exist" }
    ],
    [
      { zuliprc: { ...zuliprc, isReadableByOthers: true } },
      "zulip.config.readable",
      { path: "/home/me/.zuliprc", advice: "chmod 600" }
    ],
    [{ isInsecure: true }, "zulip.config.insecure", { advice: "trust its certificate with ZULIP_CERT_BUNDLE instead" }]
  ] as const)("a warning names what is missing, unusable or unsafe: %#", ([change, event, annotations]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* warnings(change), [["Warn", event, annotations]])
      assert.deepStrictEqual(yield* warnings(change, "log"), [])
    })
  )
})
