/** Every variable of the configuration: what it reads, and the line with which a wrong value stops the start. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Redacted, Result } from "effect"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { absolutePath, configTable } from "../../../src/services/config/configTable.ts"
import { LooperConfig } from "../../../src/services/config/LooperConfig.ts"

const root = mkdtempSync(join(tmpdir(), "looper-config-"))
afterAll(() => rmSync(root, { recursive: true }))
let folders = 0

/** The configuration of an environment, or the sentence with which Looper does not start. */
const load = (environment: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const folder = join(root, `${++folders}`)
    mkdirSync(folder)
    const config = yield* Effect.result(Effect.provide(LooperConfig, LooperConfig.layer({ root: folder, environment })))
    return { folder, config: Result.mapError(config, (error) => error.message) }
  })

const table = configTable("/root")
type Key = keyof typeof table

/** What the table reads from one variable. */
const read = (key: Key, environment: Readonly<Record<string, string>>) =>
  Effect.provideService(
    table[key].read as Effect.Effect<unknown, Error>,
    ConfigProvider.ConfigProvider,
    ConfigProvider.fromEnvRecord(environment)
  )

interface Rule {
  readonly valid: ReadonlyArray<readonly [text: string, value: unknown]>
  /** None only where any text is allowed. */
  readonly wrong: ReadonlyArray<string>
}

const notNumbers = ["x", " ", "0x10", "1_0", "NaN", "Infinity", "-1", "1 2"]

const flag: Rule = {
  valid: ["1", "true", "YES", " on "]
    .map((text): readonly [string, unknown] => [text, true])
    .concat(["0", "False", "no", "off"].map((text) => [text, false])),
  wrong: ["2", "enabled", " ", "y"]
}
const texts = (...valid: ReadonlyArray<string>): Rule => ({ valid: valid.map((text) => [text, text]), wrong: [] })
const file: Rule = {
  valid: [
    ["/var/log/x.log", "/var/log/x.log"],
    ["~/x.log", join(homedir(), "x.log")],
    ["x/../y", "/root/y"]
  ],
  wrong: []
}
const secret: Rule = { valid: [["top secret", Redacted.make("top secret")]], wrong: [" "] }

const rules: { readonly [K in Key]: Rule } = {
  host: texts("127.0.0.1", "::1", "localhost"),
  port: {
    valid: [
      ["0", 0],
      ["65535", 65_535],
      [" 80 ", 80]
    ],
    wrong: [...notNumbers, "65536", "1.5", "1e3"]
  },
  apiToken: secret,
  allowedHosts: {
    valid: [
      ["a.example", ["a.example"]],
      [" a.example , b:80,, ", ["a.example", "b:80"]],
      [",", []]
    ],
    wrong: []
  },
  isRemoteAllowedWithoutToken: flag,
  logLevel: {
    valid: ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
      .map((level): readonly [string, unknown] => [level, level])
      .concat([["info", "INFO"]], [[" Warning ", "WARNING"]]),
    wrong: ["WARN", "TRACE", "10", " "]
  },
  logFormat: {
    valid: [
      ["text", "text"],
      [" json ", "json"]
    ],
    wrong: ["JSON", "ndjson", " "]
  },
  serverLogPath: file,
  logDir: file,
  minFreeBytes: {
    valid: [
      ["0", 0],
      ["1048576", 1_048_576]
    ],
    wrong: [...notNumbers, "64MiB", "1.5", "9007199254740992"]
  },
  retentionRuns: {
    valid: [
      ["0", 0],
      ["100", 100]
    ],
    wrong: [...notNumbers, "1.5"]
  },
  retentionDays: {
    valid: [
      ["0", 0],
      ["0.5", 0.5],
      ["36500", 36_500]
    ],
    wrong: [...notNumbers, "36501"]
  },
  retentionBytes: {
    valid: [
      ["0", 0],
      ["10000000000", 1e10]
    ],
    wrong: [...notNumbers, "1.5"]
  },
  onShutdown: {
    valid: [
      ["stop", "stop"],
      ["leave", "leave"]
    ],
    wrong: ["Leave", "kill", " "]
  },
  maxSeconds: {
    valid: [
      ["0", 0],
      ["0.5", 0.5],
      ["86400", 86_400]
    ],
    wrong: notNumbers
  },
  maxSilentSeconds: {
    valid: [
      ["0", 0],
      ["0.5", 0.5],
      ["3600", 3_600]
    ],
    wrong: notNumbers
  },
  maxLogBytes: {
    valid: [
      ["0", 0],
      ["1000000", 1_000_000]
    ],
    wrong: [...notNumbers, "1.5", "1MB"]
  },
  shutdownGraceSeconds: {
    valid: [
      ["0.1", 0.1],
      ["3600", 3_600]
    ],
    wrong: [...notNumbers, "0", "3601"]
  },
  codexBinary: texts("codex", "./bin/codex", "/bin/my codex"),
  extraArguments: {
    valid: [
      ["-m o3", ["-m", "o3"]],
      ["-c 'a b=\"c\"' ''", ["-c", 'a b="c"', ""]],
      [" ", []]
    ],
    wrong: ["'", '"a', "a\\"]
  },
  delaySeconds: {
    valid: [
      ["0", 0],
      ["86400", 86_400],
      [" 1.5e1 ", 15]
    ],
    wrong: [...notNumbers, "86400.1"]
  },
  startupCheckSeconds: {
    valid: [
      ["0", 0],
      ["3600", 3_600]
    ],
    wrong: [...notNumbers, "3601"]
  },
  killScope: {
    valid: [
      ["all", "all"],
      ["workspace", "workspace"],
      [" own ", "own"]
    ],
    wrong: ["ALL", "none", " "]
  },
  defaultWorkspace: texts("/w", "~/w", "relative/w/"),
  defaultPromptText: { valid: [["go on\n", "go on"]], wrong: ["-", " - "] },
  defaultPromptFile: file,
  isAutopollOn: flag,
  idlePollSeconds: {
    valid: [
      ["0.5", 0.5],
      ["86400", 86_400]
    ],
    wrong: [...notNumbers, "0", "86401"]
  },
  idleLogStaleSeconds: {
    valid: [
      ["0", 0],
      ["600", 600]
    ],
    wrong: notNumbers
  },
  notifier: {
    valid: ["zulip", "webhook", "log"].map((name) => [name, name]),
    wrong: ["slack", "LOG", " "]
  },
  isNotifyRequired: flag,
  notifyOn: {
    valid: [
      ["finish", new Set(["finish"])],
      [" skip,finish , failure,autopoll", new Set(["autopoll", "finish", "failure", "skip"])],
      [" , ", new Set()]
    ],
    wrong: ["finished", "finish failure", "finish,FAILURE", "1"]
  },
  webhookUrl: {
    valid: [["https://hooks.example/T1?a=b", Redacted.make("https://hooks.example/T1?a=b")]],
    wrong: [
      "hooks.example",
      "ftp://hooks.example/x",
      "https://user:key@hooks.example/",
      "https://:key@hooks.example/",
      " "
    ]
  },
  zulipSite: texts("https://x.zulipchat.com", "x.zulipchat.com"),
  zulipBotEmail: texts("bot@x.example"),
  zulipBotApiKey: secret,
  zuliprcPath: file,
  zulipProfile: texts("api", "other"),
  zulipCertBundle: file,
  zulipCert: file,
  zulipCertKey: file,
  isZulipInsecure: {
    valid: [
      ["true", true],
      [" False ", false]
    ],
    wrong: ["1", "0", "yes", "tru", " "]
  },
  zulipMessageType: {
    valid: ["stream", "private"].map((type) => [type, type]),
    wrong: ["direct", "Stream", " "]
  },
  zulipStream: texts("coding", "a b"),
  zulipTopic: texts("t"),
  zulipTo: texts("7-Bob", "bob@x.example"),
  otlpEndpoint: {
    valid: [["http://127.0.0.1:4318", "http://127.0.0.1:4318/"]],
    wrong: ["127.0.0.1:4318", "grpc://collector:4317", "https://user:key@collector/", " "]
  },
  otlpHeaders: {
    valid: [["authorization=Bearer%20x,a=b", Redacted.make("authorization=Bearer%20x,a=b")]],
    wrong: ["authorization", "a b=c", "=x", "a=%zz", " "]
  },
  otelServiceName: texts("looper", "x y"),
  otelAttributes: { valid: [["a.b=c, d=e%2Cf", "a.b=c, d=e%2Cf"]], wrong: ["a", "=b", "a=%"] }
}

/** What allows any text. */
const anything = ["text", "a path", "words separated by commas"]

const isSecret = ({ names: [first, ...others] }: (typeof table)[Key]) => others.includes(`${first}_FILE`)

/** The variables of an entry; those that name a secret's file are tested with the sources. */
const namesOf = (entry: (typeof table)[Key]) =>
  entry.names.filter((name) => !isSecret(entry) || !name.endsWith("_FILE"))

describe("the configuration", () => {
  it("has a rule here for every variable", () => {
    assert.deepStrictEqual(Object.keys(rules).toSorted(), Object.keys(table).toSorted())
  })

  it.effect("has these defaults", () =>
    Effect.gen(function* () {
      const environment = {}
      const { folder, config } = yield* load(environment)
      const { defaultPrompt, zulip, ...others } = Result.getOrThrow(config)
      assert.isTrue("text" in defaultPrompt && defaultPrompt.text.startsWith("Continue the current task"))
      const { messageType, stream, topic, to, isInsecure } = zulip
      assert.deepStrictEqual(
        { messageType, stream, topic, to, isInsecure },
        { messageType: "stream", stream: "coding", topic: "verified-cad", to: "8-Tessa", isInsecure: false }
      )
      assert.deepStrictEqual(others, {
        root: folder,
        environment,
        host: "0.0.0.0",
        port: 3456,
        logLevel: "DEBUG",
        logFormat: "text",
        serverLogPath: join(folder, "logs/looper-server.log"),
        logDir: join(folder, "logs"),
        codexBinary: undefined,
        extraArguments: [],
        delaySeconds: 1,
        startupCheckSeconds: 1,
        defaultWorkspace: "/home/bepis/Documents/verifycad/VerusCAD/",
        minFreeBytes: 67_108_864,
        killScope: "all",
        notifier: "zulip",
        isNotifyRequired: true,
        notifyOn: new Set<never>(),
        webhookUrl: undefined,
        otlpEndpoint: undefined,
        otlpHeaders: undefined,
        otelServiceName: "looper",
        otelAttributes: "",
        isAutopollOn: true,
        idlePollSeconds: 300,
        idleLogStaleSeconds: 0,
        apiToken: undefined,
        allowedHosts: [],
        isRemoteAllowedWithoutToken: false,
        retentionRuns: 0,
        retentionDays: 0,
        retentionBytes: 0,
        onShutdown: "stop",
        maxSeconds: 0,
        maxSilentSeconds: 0,
        maxLogBytes: 0,
        shutdownGraceSeconds: 10
      })
    })
  )

  for (const [key, { valid, wrong }] of Object.entries(rules) as ReadonlyArray<[Key, Rule]>) {
    const entry = table[key]
    for (const name of namesOf(entry)) {
      it.effect(`reads ${name}`, () =>
        Effect.gen(function* () {
          for (const [text, value] of valid) {
            const found = yield* read(key, { [name]: text })
            assert.deepStrictEqual(shown(found), shown(value), text)
          }
        })
      )

      it.effect(`counts an empty ${name} as unset`, () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* read(key, { [name]: "" }), yield* read(key, {}))
        })
      )

      it.effect(`stops the start with one line where ${name} is wrong`, () =>
        Effect.gen(function* () {
          if (wrong.length === 0) assert.include(anything, entry.allowed)
          for (const text of wrong) {
            const value = isSecret(entry) ? "" : ` is ${JSON.stringify(text)}`
            const sentence = `${name}${value}: allowed is ${isSecret(entry) && text === " " ? "a secret, not blank" : entry.allowed}`
            assert.deepStrictEqual((yield* load({ [name]: text })).config, Result.fail(sentence))
            assert.notInclude(sentence, "\n")
          }
        })
      )
    }
  }

  it.effect("takes relative paths below the root", () =>
    Effect.gen(function* () {
      const { folder, config } = yield* load({
        LOOPER_SERVER_LOG_PATH: "x/y.log",
        CODEX_EXEC_LOG_DIR: "../z",
        LOOPER_DEFAULT_PROMPT_FILE: "p.txt"
      })
      const { serverLogPath, logDir, defaultPrompt } = Result.getOrThrow(config)
      assert.deepStrictEqual(
        [serverLogPath, logDir, defaultPrompt],
        [join(folder, "x/y.log"), join(root, "z"), { file: join(folder, "p.txt") }]
      )
    })
  )

  it.effect("prefers a delay's new name to its old one", () =>
    Effect.gen(function* () {
      const both = { CODEX_EXEC_DELAY_SECONDS: "3", PROMPT_SEND_DELAY_SECONDS: "x" }
      assert.strictEqual(Result.getOrThrow((yield* load(both)).config).delaySeconds, 3)
    })
  )

  it.effect("needs a URL where messages go to a webhook", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        (yield* load({ LOOPER_NOTIFIER: "webhook" })).config,
        Result.fail("LOOPER_WEBHOOK_URL: allowed is a URL beside LOOPER_NOTIFIER=webhook; it is unset")
      )
    })
  )
})

/** A secret's text, or the value itself. */
const shown = (value: unknown) => (Redacted.isRedacted(value) ? ["secret", Redacted.value(value)] : value)

describe("absolutePath", () => {
  it("takes ~ for the home folder and all else below the root", () => {
    const cases = [
      ["/a/../b/", "/b"],
      ["a/b", "/root/a/b"],
      ["../a", "/a"],
      ["", "/root"],
      [".", "/root"],
      ["~", homedir()],
      ["~/", homedir()],
      ["~/a b", join(homedir(), "a b")],
      ["~bob/a", "/root/~bob/a"],
      ["a/~", "/root/a/~"]
    ] as const
    for (const [text, path] of cases) assert.strictEqual(absolutePath("/root", text), path, text)
  })
})
