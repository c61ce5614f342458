import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { LooperConfig } from "../../../src/services/config/LooperConfig.ts"
import { ZulipServer } from "../../../src/testing/ZulipServer.ts"
import { makeCertificate } from "../../support/certificate.ts"
import { reasonWith, sendWith } from "./sending.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "looper-zuliprc-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** The Zulip part of a configuration in a folder with these files. */
const configure = Effect.fnUntraced(function* (
  environment: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>> = {}
) {
  const root = yield* folder
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text, { mode: 0o600 })
  const layer = LooperConfig.layer({ root, environment: { ZULIPRC_PATH: "zuliprc", ...environment } })
  const { zulip } = yield* LooperConfig.pipe(Effect.provide(layer))
  return { root, path: join(root, "zuliprc"), zulip }
})

const complete = { ZULIP_SITE: "https://env.example", ZULIP_BOT_EMAIL: "env@x.org", ZULIP_BOT_API_KEY: "env-key" }
const zuliprc = "[api]\nemail=file@x.org\nkey=file-key\nsite=https://file.example\n"

describe("credentials", () => {
  it.effect("come from the section of the zuliprc where no variable gives them", () =>
    Effect.gen(function* () {
      const { zulip, path } = yield* configure({}, { zuliprc })
      assert.strictEqual(zulip.site, "https://file.example")
      assert.strictEqual(zulip.botEmail, "file@x.org")
      assert.strictEqual(zulip.botApiKey && Redacted.value(zulip.botApiKey), "file-key")
      assert.deepStrictEqual(zulip.zuliprc, { path, profile: "api", isReadableByOthers: false })
      assert.isUndefined(zulip.problem)
    })
  )

  it.effect.each([
    [{ ZULIP_SITE: "https://env.example" }, ["https://env.example", "file@x.org", "file-key"]],
    [{ ZULIP_BOT_EMAIL: "env@x.org" }, ["https://file.example", "env@x.org", "file-key"]],
    [{ ZULIP_EMAIL: "env@x.org" }, ["https://file.example", "env@x.org", "file-key"]],
    [{ ZULIP_BOT_API_KEY: "env-key" }, ["https://file.example", "file@x.org", "env-key"]],
    [{ ZULIP_BOT_API_KEY_FILE: "key" }, ["https://file.example", "file@x.org", "key-of-a-file"]],
    [{ ZULIP_BOT_EMAIL: "" }, ["https://file.example", "file@x.org", "file-key"]]
  ] as const)("of a variable count before those of the zuliprc: %#", ([environment, expected]) =>
    Effect.gen(function* () {
      const { zulip } = yield* configure(environment, { zuliprc, key: "key-of-a-file\n" })
      const { site, botEmail, botApiKey } = zulip
      assert.deepStrictEqual<unknown>([site, botEmail, botApiKey && Redacted.value(botApiKey)], expected)
    })
  )

  it.effect("that are all variables need no zuliprc, and take nothing from one", () =>
    Effect.gen(function* () {
      const { zulip } = yield* configure(complete, { zuliprc: "[api]\ninsecure=true\nbroken" })
      assert.isUndefined(zulip.zuliprc)
      assert.isUndefined(zulip.problem)
      assert.isFalse(zulip.isInsecure)
    })
  )

  it.effect("come from the profile that is named, under the official name of the file too", () =>
    Effect.gen(function* () {
      const text = `[api]\nkey=other\n[bot two]\n${zuliprc.split("\n").slice(1).join("\n")}`
      const environment = { ZULIPRC_PATH: "", ZULIP_CONFIG: "two", ZULIP_PROFILE: "bot two" }
      const { zulip } = yield* configure(environment, { two: text })
      assert.strictEqual(zulip.botEmail, "file@x.org")
      assert.strictEqual(zulip.zuliprc?.profile, "bot two")
    })
  )

  it.effect("from a file that others may read are told apart", () =>
    Effect.gen(function* () {
      for (const [mode, expected] of [
        [0o600, false],
        [0o640, true],
        [0o604, true]
      ] as const) {
        const root = yield* folder
        const path = join(root, "zuliprc")
        writeFileSync(path, zuliprc)
        chmodSync(path, mode)
        const layer = LooperConfig.layer({ root, environment: { ZULIPRC_PATH: path } })
        const { zulip } = yield* LooperConfig.pipe(Effect.provide(layer))
        assert.strictEqual(zulip.zuliprc?.isReadableByOthers, expected, mode.toString(8))
      }
    })
  )

  it.effect("send", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      const text = `[api]\nEmail: ${server.email}\nkey = ${server.apiKey}\nsite=${server.url}\n`
      const { zulip } = yield* configure({}, { zuliprc: text })
      assert.match(yield* sendWith(zulip, "hello"), /^OK message_id=1 /)
    })
  )
})

describe("credentials that are not there", () => {
  it.effect.each([
    [{}, undefined, "Missing ZULIP_SITE; the zuliprc <root>/zuliprc does not exist"],
    [{}, "[api]\nsite=x\nkey=k", "Missing ZULIP_BOT_EMAIL"],
    [{}, "[api]\nsite=x\nemail=e\nkey=", "Missing ZULIP_BOT_API_KEY"],
    [{}, "[a]\n[b]", "Missing ZULIP_SITE; <root>/zuliprc has no section [api] (ZULIP_PROFILE), it has [a], [b]"],
    [{ ZULIP_PROFILE: "c" }, "", "Missing ZULIP_SITE; <root>/zuliprc has no section [c] (ZULIP_PROFILE), it has none"],
    [
      { ZULIP_SITE: "x" },
      "[api]\nnonsense",
      "Missing ZULIP_BOT_EMAIL; <root>/zuliprc, line 2: it is neither a [section] nor name=value"
    ],
    [{}, `${zuliprc}insecure=yes`, "insecure in <root>/zuliprc must be true or false"],
    [{}, `${zuliprc}cert_bundle=none.pem`, "the certificates of <root>/none.pem cannot be read (ENOENT)"],
    [{}, `${zuliprc}cert_bundle=zuliprc`, "<root>/zuliprc holds no certificates"],
    [
      { ...complete, ZULIP_CERT_BUNDLE: "none.pem" },
      zuliprc,
      "the certificates of <root>/none.pem cannot be read (ENOENT)"
    ]
  ] as const)("or unusable fail the call, saying why: %#", ([environment, text, expected]) =>
    Effect.gen(function* () {
      const { zulip, root } = yield* configure(environment, text === undefined ? {} : { zuliprc: text })
      assert.strictEqual(yield* reasonWith(zulip, "hello"), expected.replaceAll("<root>", root))
    })
  )

  it.effect("because the zuliprc cannot be read fail the call", () =>
    Effect.gen(function* () {
      const root = yield* folder
      mkdirSync(join(root, "zuliprc"))
      const layer = LooperConfig.layer({ root, environment: { ZULIPRC_PATH: "zuliprc" } })
      const { zulip } = yield* LooperConfig.pipe(Effect.provide(layer))
      assert.strictEqual(zulip.problem, `${join(root, "zuliprc")} cannot be read (EISDIR)`)
    })
  )
})

describe("the check of certificates", () => {
  it.effect.each([
    ["", {}, false],
    ["insecure=false", {}, false],
    ["insecure=True", {}, true],
    ["insecure=true", { ZULIP_ALLOW_INSECURE: "false" }, false],
    ["", { ZULIP_ALLOW_INSECURE: "TRUE" }, true]
  ] as const)("is left out only where that is said in full: %#", ([line, environment, expected]) =>
    Effect.gen(function* () {
      const { zulip } = yield* configure(environment, { zuliprc: `${zuliprc}${line}` })
      assert.strictEqual(zulip.isInsecure, expected)
      assert.isUndefined(zulip.problem)
    })
  )

  it.effect.each(["1", "yes", "constructor"])("is not left out by %s, which stops the start", (value) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(configure({ ZULIP_ALLOW_INSECURE: value }))
      assert.strictEqual(error.message, `ZULIP_ALLOW_INSECURE is "${value}": allowed is \`true\` or \`false\``)
    })
  )

  it.effect("takes its authorities from the variable before the zuliprc", () =>
    Effect.gen(function* () {
      const { cert } = makeCertificate()
      const files = { zuliprc: `${zuliprc}cert_bundle=b.pem`, "a.pem": cert, "b.pem": cert }
      const { zulip, root } = yield* configure({ ZULIP_CERT_BUNDLE: "a.pem" }, files)
      assert.deepStrictEqual(zulip.certBundle, { path: join(root, "a.pem"), pem: cert })
      const { zulip: other, root: otherRoot } = yield* configure({}, files)
      assert.strictEqual(other.certBundle?.path, join(otherRoot, "b.pem"))
    })
  )
})
