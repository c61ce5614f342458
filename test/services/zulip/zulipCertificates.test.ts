import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Result } from "effect"
import { LooperConfig } from "../../../src/services/config/LooperConfig.ts"
import { readClientCertificate } from "../../../src/services/zulip/zulipCertificates.ts"
import { makeCertificate } from "../../support/certificate.ts"

const root = mkdtempSync(join(tmpdir(), "looper-certificates-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const mine = makeCertificate()
const locked = (): string => {
  const arguments_ = ["pkey", "-aes256", "-passout", "pass:secret words"]
  return execFileSync("openssl", arguments_, { input: mine.key, encoding: "utf8" })
}
const files = {
  "cert.pem": mine.cert,
  "key.pem": mine.key,
  "both.pem": mine.key + mine.cert,
  "other.pem": makeCertificate().key,
  "locked.pem": locked(),
  "torn.pem": mine.key.slice(0, 80),
  "text.pem": "s3cret"
}
for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text, { mode: 0o600 })

const read = (cert: string | undefined, key: string | undefined) =>
  readClientCertificate(cert && join(root, cert), key && join(root, key))

const found = (pem: string, key: string) => Result.succeed({ pem, key: Redacted.make(key) })

describe("readClientCertificate", () => {
  it("finds a certificate and its key, in two files or in one", () => {
    assert.deepStrictEqual(read("cert.pem", "key.pem"), found(mine.cert, mine.key))
    assert.deepStrictEqual(read("both.pem", undefined), found(files["both.pem"], files["both.pem"]))
    assert.deepStrictEqual(read(undefined, undefined), Result.succeed(undefined))
  })

  it.each([
    [undefined, "key.pem", "the private key <root>/key.pem has no client certificate: ZULIP_CERT or client_cert"],
    ["none.pem", "key.pem", "the client certificate of <root>/none.pem cannot be read (ENOENT)"],
    [".", "key.pem", "the client certificate of <root> cannot be read (EISDIR)"],
    ["cert.pem", "none.pem", "the private key of <root>/none.pem cannot be read (ENOENT)"],
    ["text.pem", "key.pem", "<root>/text.pem holds no client certificate"],
    ["key.pem", undefined, "<root>/key.pem holds no client certificate"],
    ["cert.pem", undefined, "<root>/cert.pem holds no private key that can be read without a passphrase"],
    ["cert.pem", "text.pem", "<root>/text.pem holds no private key that can be read without a passphrase"],
    ["cert.pem", "torn.pem", "<root>/torn.pem holds no private key that can be read without a passphrase"],
    ["cert.pem", "locked.pem", "<root>/locked.pem holds no private key that can be read without a passphrase"],
    [
      "cert.pem",
      "other.pem",
      "the private key of <root>/other.pem does not belong to the client certificate of <root>/cert.pem"
    ]
  ])("says what is wrong with %s and %s", (cert, key, expected) => {
    assert.deepStrictEqual(read(cert, key), Result.fail(expected.replaceAll("<root>", root)))
  })
})

/** The Zulip part of a configuration in the folder. */
const configure = Effect.fnUntraced(function* (environment: Readonly<Record<string, string>>, options: string) {
  const credentials = "[api]\nemail=bot@x.org\nkey=k\nsite=https://x.example\n"
  writeFileSync(join(root, "zuliprc"), credentials + options, { mode: 0o600 })
  const layer = LooperConfig.layer({ root, environment: { ZULIPRC_PATH: "zuliprc", ...environment } })
  return (yield* LooperConfig.pipe(Effect.provide(layer))).zulip
})

describe("the client's certificate", () => {
  it.effect.each([
    [{ ZULIP_CERT: "cert.pem", ZULIP_CERT_KEY: "key.pem" }, ""],
    [{}, "client_cert=cert.pem\nclient_cert_key=key.pem"],
    [{ ZULIP_CERT_KEY: "key.pem" }, "client_cert=cert.pem"],
    [{ ZULIP_CERT: "cert.pem" }, "client_cert=text.pem\nclient_cert_key=key.pem"]
  ] as const)("comes from the variables before the zuliprc: %#", ([environment, options]) =>
    Effect.gen(function* () {
      const { clientCertificate, problem } = yield* configure(environment, options)
      assert.isUndefined(problem)
      assert.deepStrictEqual(clientCertificate, { pem: mine.cert, key: Redacted.make(mine.key) })
    })
  )

  it.effect("that cannot be used makes the settings unusable", () =>
    Effect.gen(function* () {
      const { clientCertificate, problem } = yield* configure({}, "client_cert=cert.pem\nclient_cert_key=other.pem")
      assert.isUndefined(clientCertificate)
      assert.match(problem ?? "", /^the private key of .*other\.pem does not belong to /)
    })
  )

  it.effect("shows its key nowhere", () =>
    Effect.gen(function* () {
      const { clientCertificate } = yield* configure({ ZULIP_CERT: "both.pem" }, "")
      assert.isDefined(clientCertificate)
      assert.notInclude(JSON.stringify(clientCertificate?.key), mine.key.slice(40, 80))
    })
  )
})
