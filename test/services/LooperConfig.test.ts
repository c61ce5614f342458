import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { absolutePath, LooperConfig, type LooperConfigShape } from "../../src/services/LooperConfig.ts"

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

interface Rule {
  readonly variable: string
  readonly key: keyof LooperConfigShape
  readonly valid: ReadonlyArray<readonly [text: string, value: unknown]>
  readonly wrong?: ReadonlyArray<string>
  readonly allowed?: string
}

const notNumbers = ["x", " ", "0x10", "1_0", "NaN", "Infinity", "-1", "1 2"]

const flags = (variable: string, key: keyof LooperConfigShape): Rule => ({
  variable,
  key,
  valid: ["1", "true", "YES", " on "]
    .map((text): readonly [string, unknown] => [text, true])
    .concat(["0", "False", "no", "off"].map((text) => [text, false])),
  wrong: ["2", "enabled", " ", "y"],
  allowed: "1, true, yes, on, 0, false, no or off"
})
const texts = (variable: string, key: keyof LooperConfigShape, ...valid: ReadonlyArray<string>): Rule => ({
  variable,
  key,
  valid: valid.map((text) => [text, text])
})

const rules: ReadonlyArray<Rule> = [
  texts("LOOPER_HOST", "host", "127.0.0.1", "::1", "localhost"),
  {
    variable: "LOOPER_PORT",
    key: "port",
    valid: [
      ["0", 0],
      ["65535", 65_535],
      [" 80 ", 80]
    ],
    wrong: [...notNumbers, "65536", "1.5", "1e3"],
    allowed: "a whole number from 0 to 65535"
  },
  {
    variable: "LOOPER_LOG_LEVEL",
    key: "logLevel",
    valid: ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
      .map((level): readonly [string, unknown] => [level, level])
      .concat([["info", "INFO"]], [[" Warning ", "WARNING"]]),
    wrong: ["WARN", "TRACE", "10", " "],
    allowed: "DEBUG, INFO, WARNING, ERROR or CRITICAL"
  },
  {
    variable: "LOOPER_SERVER_LOG_PATH",
    key: "serverLogPath",
    valid: [
      ["/var/log/x.log", "/var/log/x.log"],
      ["~/x.log", join(homedir(), "x.log")]
    ]
  },
  { variable: "CODEX_EXEC_LOG_DIR", key: "logDir", valid: [["/var/log/x", "/var/log/x"]] },
  texts("CODEX_EXEC_BINARY", "codexBinary", "codex", "./bin/codex", "/bin/my codex"),
  {
    variable: "CODEX_EXEC_EXTRA_ARGS",
    key: "extraArguments",
    valid: [
      ["-m o3", ["-m", "o3"]],
      ["-c 'a b=\"c\"' ''", ["-c", 'a b="c"', ""]],
      [" ", []]
    ],
    wrong: ["'", '"a', "a\\"],
    allowed: "shell-quoted words with every quote closed, without NUL"
  },
  {
    variable: "CODEX_EXEC_DELAY_SECONDS",
    key: "delaySeconds",
    valid: [
      ["0", 0],
      ["86400", 86_400],
      [" 1.5e1 ", 15]
    ],
    wrong: [...notNumbers, "86400.1"],
    allowed: "a number from 0 to 86400"
  },
  {
    variable: "PROMPT_SEND_DELAY_SECONDS",
    key: "delaySeconds",
    valid: [["2", 2]],
    wrong: ["x"],
    allowed: "a number from 0 to 86400"
  },
  {
    variable: "CODEX_EXEC_STARTUP_CHECK_SECONDS",
    key: "startupCheckSeconds",
    valid: [
      ["0", 0],
      ["3600", 3_600]
    ],
    wrong: [...notNumbers, "3601"],
    allowed: "a number from 0 to 3600"
  },
  texts("LOOPER_DEFAULT_WORKSPACE", "defaultWorkspace", "/w", "~/w", "relative/w/"),
  { variable: "LOOPER_DEFAULT_PROMPT", key: "defaultPrompt", valid: [["go on\n", { text: "go on\n" }]] },
  { variable: "LOOPER_DEFAULT_PROMPT_FILE", key: "defaultPrompt", valid: [["/p.txt", { file: "/p.txt" }]] },
  {
    variable: "LOOPER_MIN_FREE_BYTES",
    key: "minFreeBytes",
    valid: [
      ["0", 0],
      ["1048576", 1_048_576]
    ],
    wrong: [...notNumbers, "64MiB", "1.5", "9007199254740992"],
    allowed: "a whole number from 0 to 9007199254740991"
  },
  {
    variable: "CODEX_EXEC_KILL_SCOPE",
    key: "killScope",
    valid: [
      ["all", "all"],
      ["workspace", "workspace"],
      [" own ", "own"]
    ],
    wrong: ["ALL", "none", " "],
    allowed: "all or workspace or own"
  },
  {
    variable: "LOOPER_NOTIFIER",
    key: "notifier",
    valid: [
      ["zulip", "zulip"],
      ["log", "log"]
    ],
    wrong: ["slack"],
    allowed: "zulip or log"
  },
  flags("LOOPER_NOTIFY_REQUIRED", "isNotifyRequired"),
  flags("LOOPER_AUTO_START_WHEN_IDLE", "isAutopollOn"),
  {
    variable: "LOOPER_IDLE_POLL_SECONDS",
    key: "idlePollSeconds",
    valid: [
      ["0.5", 0.5],
      ["86400", 86_400]
    ],
    wrong: [...notNumbers, "0", "86401"],
    allowed: "a number over 0 to 86400"
  },
  {
    variable: "LOOPER_IDLE_LOG_STALE_SECONDS",
    key: "idleLogStaleSeconds",
    valid: [
      ["0", 0],
      ["600", 600]
    ],
    wrong: notNumbers,
    allowed: "a number from 0 to 9007199254740991"
  },
  {
    variable: "LOOPER_ALLOWED_HOSTS",
    key: "allowedHosts",
    valid: [
      ["a.example", ["a.example"]],
      [" a.example , b:80,, ", ["a.example", "b:80"]],
      [",", []]
    ]
  },
  flags("LOOPER_ALLOW_UNAUTHENTICATED_REMOTE", "isRemoteAllowedWithoutToken"),
  {
    variable: "LOOPER_SHUTDOWN_GRACE_SECONDS",
    key: "shutdownGraceSeconds",
    valid: [
      ["0.1", 0.1],
      ["3600", 3_600]
    ],
    wrong: [...notNumbers, "0", "3601"],
    allowed: "a number over 0 to 3600"
  }
]

describe("the configuration", () => {
  it.effect("has these defaults", () =>
    Effect.gen(function* () {
      const environment = {}
      const { folder, config } = yield* load(environment)
      const { defaultPrompt, ...others } = Result.getOrThrow(config)
      assert.isTrue("text" in defaultPrompt && defaultPrompt.text.startsWith("Continue the current task"))
      assert.deepStrictEqual(others, {
        root: folder,
        environment,
        host: "0.0.0.0",
        port: 3456,
        logLevel: "DEBUG",
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
        zulip: {
          site: undefined,
          botEmail: undefined,
          botApiKey: undefined,
          messageType: "stream",
          stream: "coding",
          topic: "verified-cad",
          to: "8-Tessa"
        },
        isAutopollOn: true,
        idlePollSeconds: 300,
        idleLogStaleSeconds: 0,
        apiToken: undefined,
        allowedHosts: [],
        isRemoteAllowedWithoutToken: false,
        shutdownGraceSeconds: 10
      })
    })
  )

  for (const { variable, key, valid, wrong = [], allowed } of rules) {
    it.effect(`reads ${variable}`, () =>
      Effect.gen(function* () {
        for (const [text, value] of valid) {
          const { config } = yield* load({ [variable]: text })
          assert.deepStrictEqual(Result.getOrThrow(config)[key], value, text)
        }
      })
    )

    it.effect(`counts an empty ${variable} as unset`, () =>
      Effect.gen(function* () {
        const { folder, config } = yield* load({ [variable]: "" })
        const expected = yield* Effect.provide(LooperConfig, LooperConfig.layer({ root: folder, environment: {} }))
        assert.deepStrictEqual(Result.getOrThrow(config)[key], expected[key])
      })
    )

    if (wrong.length === 0) continue
    it.effect(`names ${variable}, its value and what is allowed where it is wrong`, () =>
      Effect.gen(function* () {
        for (const text of wrong) {
          const sentence = `${variable} is ${JSON.stringify(text)}: allowed is ${allowed}`
          assert.deepStrictEqual((yield* load({ [variable]: text })).config, Result.fail(sentence))
        }
      })
    )
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
})

describe("absolutePath", () => {
  it("takes ~ for the home folder and all else below the root", () => {
    const table = [
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
    for (const [text, path] of table) assert.strictEqual(absolutePath("/root", text), path, text)
  })
})
