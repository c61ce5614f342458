import { assert, describe, it } from "@effect/vitest"
import { faultOf } from "../../../src/services/delivery/connectionFault.ts"

const failed = (fields: object, message = "broken") =>
  new TypeError("fetch failed", { cause: Object.assign(new Error(message), fields) })

describe("faultOf", () => {
  it.each([
    [{ code: "ECONNREFUSED", syscall: "connect" }, true],
    [{ code: "ETIMEDOUT", syscall: "connect" }, true],
    [{ code: "EHOSTUNREACH", syscall: "connect" }, true],
    [{ code: "ENOTFOUND", syscall: "getaddrinfo" }, true],
    [{ code: "EAI_AGAIN", syscall: "getaddrinfo" }, true],
    [{ code: "DEPTH_ZERO_SELF_SIGNED_CERT" }, true],
    [{ code: "CERT_HAS_EXPIRED" }, true],
    [{ code: "ERR_TLS_CERT_ALTNAME_INVALID" }, true],
    [{ code: "ERR_SSL_WRONG_VERSION_NUMBER" }, true],
    [{ code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED" }, true],
    [{ code: "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA" }, true],
    [{ code: "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC" }, false],
    [{ code: "ECONNRESET", syscall: "read" }, false],
    [{ code: "ETIMEDOUT", syscall: "read" }, false],
    [{ code: "EPIPE", syscall: "write" }, false],
    [{ code: "UND_ERR_SOCKET" }, false],
    [{}, false]
  ])("of %j is provably unsent: %s", (fields, isUnsent) => {
    assert.strictEqual(faultOf(failed(fields)).isUnsent, isUnsent)
  })

  it.each([
    ["write EPROTO 40F:error:0A00010B:SSL routines:tls_validate_record_header:wrong version number:x.c:80:", true],
    ["write EPROTO 40F:error:0A000119:SSL routines:f:decryption failed or bad record mac:x.c:80:", false],
    ["write EPROTO", false]
  ])("of a write that fails by %s it is provably unsent: %s", (message, isUnsent) => {
    assert.strictEqual(faultOf(failed({ code: "EPROTO", syscall: "write" }, message)).isUnsent, isUnsent)
  })

  it("looks through several addresses", () => {
    const errors = ["::1", "127.0.0.1"].map((address) =>
      Object.assign(new Error(`connect ECONNREFUSED ${address}`), { code: "ECONNREFUSED", syscall: "connect" })
    )
    const fault = faultOf(new TypeError("fetch failed", { cause: new AggregateError(errors) }))
    assert.deepStrictEqual(fault, { text: "connect ECONNREFUSED ::1", isUnsent: true })
  })

  it("takes what it does not know for sent", () => {
    for (const cause of [undefined, "text", {}, new Error("odd")]) assert.isFalse(faultOf(cause).isUnsent)
    const endless = new Error("endless")
    endless.cause = endless
    assert.deepStrictEqual(faultOf(endless), { text: "connection failed", isUnsent: false })
  })
})
