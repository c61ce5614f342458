/** Where the configuration comes from: environment, `.env`, files of secrets. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Result } from "effect"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { configTable } from "../../../src/services/config/configTable.ts"
import { LooperConfig, type LooperConfigShape } from "../../../src/services/config/LooperConfig.ts"

const root = mkdtempSync(join(tmpdir(), "looper-config-"))
afterAll(() => rmSync(root, { recursive: true }))
let folders = 0

type Environment = Readonly<Record<string, string | undefined>>

/** The configuration of an environment over a `.env`, or the sentence with which Looper does not start. */
const load = (environment: Environment, dotEnv?: string) =>
  Effect.gen(function* () {
    const folder = join(root, `${++folders}`)
    mkdirSync(folder)
    if (dotEnv !== undefined) writeFileSync(join(folder, ".env"), dotEnv)
    const config = yield* Effect.result(Effect.provide(LooperConfig, LooperConfig.layer({ root: folder, environment })))
    return { folder, config: Result.mapError(config, (error) => error.message) }
  })

const valueOf = <Key extends keyof LooperConfigShape>(key: Key, environment: Environment, dotEnv?: string) =>
  Effect.map(load(environment, dotEnv), ({ config }) => Result.map(config, (decoded) => decoded[key]))

describe("the default prompt", () => {
  it.effect("comes from one place: text and file together are refused", () =>
    Effect.gen(function* () {
      const environment = { LOOPER_DEFAULT_PROMPT: "go", LOOPER_DEFAULT_PROMPT_FILE: "/p.txt" }
      assert.deepStrictEqual(
        yield* valueOf("defaultPrompt", environment),
        Result.fail('LOOPER_DEFAULT_PROMPT_FILE is "/p.txt": allowed is unset beside LOOPER_DEFAULT_PROMPT')
      )
    })
  )

  it.effect("can be one argument of codex", () =>
    Effect.gen(function* () {
      for (const text of ["-", " - ", "x".repeat(131_072)]) {
        const refused = Result.getOrThrow(Result.flip(yield* valueOf("defaultPrompt", { LOOPER_DEFAULT_PROMPT: text })))
        assert.match(refused, /^LOOPER_DEFAULT_PROMPT is ".*": allowed is a prompt: /)
        assert.isBelow(refused.length, 250)
      }
      const longest = "x".repeat(131_071)
      assert.deepStrictEqual(
        yield* valueOf("defaultPrompt", { LOOPER_DEFAULT_PROMPT: longest }),
        Result.succeed({ text: longest })
      )
    })
  )
})

describe("Zulip's variables", () => {
  it.effect("are read with their official names as fallback", () =>
    Effect.gen(function* () {
      const official = { ZULIP_SITE: "s", ZULIP_EMAIL: "official", ZULIP_API_KEY: "official key" }
      const own = { ...official, ZULIP_BOT_EMAIL: "own", ZULIP_BOT_API_KEY: "own key" }
      for (const [environment, email, key] of [
        [official, "official", "official key"],
        [own, "own", "own key"]
      ] as const) {
        const zulip = Result.getOrThrow(yield* valueOf("zulip", environment))
        assert.deepStrictEqual([zulip.site, zulip.botEmail], ["s", email])
        assert.strictEqual(zulip.botApiKey && Redacted.value(zulip.botApiKey), key)
      }
    })
  )

  it.effect("say where messages go", () =>
    Effect.gen(function* () {
      const routing = { ZULIP_MESSAGE_TYPE: "private", ZULIP_STREAM: "s", ZULIP_TOPIC: "t", ZULIP_TO: "7-Bob" }
      const { messageType, stream, topic, to } = Result.getOrThrow(yield* valueOf("zulip", routing))
      assert.deepStrictEqual([messageType, stream, topic, to], ["private", "s", "t", "7-Bob"])
      assert.deepStrictEqual(
        yield* valueOf("zulip", { ZULIP_MESSAGE_TYPE: "direct" }),
        Result.fail('ZULIP_MESSAGE_TYPE is "direct": allowed is `stream` or `private`')
      )
    })
  )
})

const secrets = [
  ["LOOPER_API_TOKEN", (config: LooperConfigShape) => config.apiToken],
  ["LOOPER_WEBHOOK_URL", (config: LooperConfigShape) => config.webhookUrl],
  ["ZULIP_BOT_API_KEY", (config: LooperConfigShape) => config.zulip.botApiKey],
  ["ZULIP_API_KEY", (config: LooperConfigShape) => config.zulip.botApiKey],
  ["OTEL_EXPORTER_OTLP_HEADERS", (config: LooperConfigShape) => config.otlpHeaders]
] as const

const shownSecret = (secretOf: (typeof secrets)[number][1], ...given: Parameters<typeof load>) =>
  Effect.map(load(...given), ({ config }) => {
    const redacted = secretOf(Result.getOrThrow(config))
    return redacted && Redacted.value(redacted)
  })

it("every secret of the configuration is tested here", () => {
  const names = Object.values(configTable("/")).flatMap((entry) => entry.names)
  const known = names.filter((name) => names.includes(`${name}_FILE`) && name !== "LOOPER_DEFAULT_PROMPT")
  assert.deepStrictEqual(
    known,
    secrets.map(([name]) => name)
  )
})

/** Of those that are not any text. */
const secretTexts: Readonly<Record<string, string>> = {
  LOOPER_WEBHOOK_URL: "https://hooks.example/top-secret",
  OTEL_EXPORTER_OTLP_HEADERS: "authorization=top%20secret"
}

for (const [variable, secretOf] of secrets) {
  const secret = secretTexts[variable] ?? "top secret"
  describe(`the secret ${variable}`, () => {
    const file = `${variable}_FILE`
    it.effect("is kept from whoever prints the configuration", () =>
      Effect.gen(function* () {
        const { config } = yield* load({ [variable]: secret })
        assert.notInclude(JSON.stringify({ ...Result.getOrThrow(config), environment: {} }), secret)
        assert.strictEqual(yield* shownSecret(secretOf, { [variable]: secret }), secret)
      })
    )

    it.effect("is refused where it is blank: an empty header would show it", () =>
      Effect.gen(function* () {
        const { config } = yield* load({ [variable]: " \t" })
        assert.deepStrictEqual(config, Result.fail(`${variable}: allowed is a secret, not blank`))
      })
    )

    it.effect("comes trimmed from the environment", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* shownSecret(secretOf, { [variable]: ` ${secret}\n` }), secret)
      })
    )

    it.effect("comes trimmed from a file, also one below the root", () =>
      Effect.gen(function* () {
        const path = join(root, `${variable}.txt`)
        writeFileSync(path, ` ${secret}\n`)
        assert.strictEqual(yield* shownSecret(secretOf, { [file]: path }), secret)
        assert.strictEqual(yield* shownSecret(secretOf, { [file]: `../${variable}.txt` }), secret)
        assert.strictEqual(yield* shownSecret(secretOf, {}, `${file}=${path}\n`), secret)
      })
    )

    it.effect("is refused without being named where it comes twice", () =>
      Effect.gen(function* () {
        const { config } = yield* load({ [variable]: secret, [file]: "/path" })
        assert.deepStrictEqual(config, Result.fail(`${file} is "/path": allowed is unset beside ${variable}`))
      })
    )

    it.effect("is refused where its file is missing, blank or a folder", () =>
      Effect.gen(function* () {
        const blank = join(root, `${variable}.blank`)
        writeFileSync(blank, " \n")
        for (const path of ["/missing/file", blank, root]) {
          const { config } = yield* load({ [file]: path })
          assert.deepStrictEqual(
            config,
            Result.fail(`${file} is "${path}": allowed is a readable file with the secret`)
          )
        }
      })
    )
  })
}

describe("an .env file", () => {
  it.effect("stands under the environment", () =>
    Effect.gen(function* () {
      const dotEnv = "LOOPER_PORT=1\nLOOPER_HOST=::1\n"
      assert.deepStrictEqual(yield* valueOf("port", { LOOPER_PORT: "2" }, dotEnv), Result.succeed(2))
      assert.deepStrictEqual(yield* valueOf("host", { LOOPER_PORT: "2" }, dotEnv), Result.succeed("::1"))
    })
  )

  it.effect("also counts where the environment holds the variable empty", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* valueOf("port", { LOOPER_PORT: "" }, "LOOPER_PORT=1\n"), Result.succeed(1))
      assert.deepStrictEqual(yield* valueOf("port", {}, "LOOPER_PORT=\n"), Result.succeed(3456))
    })
  )

  it.effect("also counts where a longer variable of the environment begins alike", () =>
    Effect.gen(function* () {
      const environment = { LOOPER_PORT_3456_TCP: "tcp://10.0.0.1:3456", LOOPER_PORT_X: "1" }
      assert.deepStrictEqual(yield* valueOf("port", environment, "LOOPER_PORT=1\n"), Result.succeed(1))
      assert.deepStrictEqual(yield* valueOf("port", environment), Result.succeed(3456))
    })
  )

  it.effect("may have comments, quotes, export and CRLF", () =>
    Effect.gen(function* () {
      const dotEnv = [
        "# comment",
        "export LOOPER_PORT = 1 # one",
        "ZULIP_TOPIC='a #b'",
        'LOOPER_DEFAULT_PROMPT="two\\nlines"',
        "CODEX_EXEC_BINARY=$HOME/codex",
        ""
      ].join("\r\n")
      const { port, zulip, defaultPrompt, codexBinary } = Result.getOrThrow((yield* load({}, dotEnv)).config)
      assert.deepStrictEqual(
        [port, zulip.topic, defaultPrompt, codexBinary],
        [1, "a #b", { text: "two\nlines" }, "$HOME/codex"]
      )
    })
  )

  it.effect("is refused where it cannot be read: what it says may be a token", () =>
    Effect.gen(function* () {
      const folder = join(root, "unreadable")
      mkdirSync(join(folder, ".env"), { recursive: true })
      const error = yield* Effect.flip(
        Effect.provide(LooperConfig, LooperConfig.layer({ root: folder, environment: {} }))
      )
      assert.strictEqual(error.message, `.env is "${folder}/.env": allowed is a readable file, or none`)
    })
  )

  it.effect("is as strict as the environment", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* valueOf("port", {}, "LOOPER_PORT=x\n"),
        Result.fail('LOOPER_PORT is "x": allowed is a whole number from 0 to 65535')
      )
    })
  )

  it.effect("keeps Looper's process environment apart from what .env adds", () =>
    Effect.gen(function* () {
      const environment = { PATH: "/bin", EMPTY: "", ABSENT: undefined }
      assert.deepStrictEqual(yield* valueOf("environment", environment, "A=b\n"), Result.succeed(environment))
    })
  )
})
