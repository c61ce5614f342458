import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { hostRefusal, isLocal, originRefusal, shownToken } from "../../src/runtime/access.ts"
import { hostNotAllowed, originNotAllowed } from "../../src/runtime/refusals.ts"

const allowedHosts = ["looper.example", "proxy.example:8443", "[2001:db8::7]:80", "Mixed.Example"]

const host = (text: string | null) => hostRefusal({ host: text, hostName: "Machine", allowedHosts })

const acceptedHosts = [
  "localhost",
  "localhost:3456",
  "LocalHost:1",
  "machine",
  "MACHINE:3456",
  "127.0.0.1",
  "127.0.0.1:3456",
  "10.1.2.3:80",
  "[::1]",
  "[::1]:3456",
  "[2001:DB8::1]:3456",
  "[::ffff:127.0.0.1]:3456",
  "looper.example",
  "LOOPER.example:1",
  "proxy.example:8443",
  "mixed.example:80"
]

const refusedHosts = [
  null,
  "",
  " ",
  ":3456",
  "localhost:",
  "localhost:x",
  "localhost:123456",
  "localhost.",
  "localhost.:3456",
  "127.0.0.1.",
  "localhost.evil.example",
  "notlocalhost",
  "evil.example",
  "evil.example:3456",
  "sub.looper.example",
  "looper.example.",
  "looper.example.evil",
  "proxy.example",
  "proxy.example:443",
  "machine.evil.example",
  "user@localhost",
  "localhost:3456@evil.example",
  "localhost/evil",
  "localhost?x",
  "localhost#x",
  "localhost evil.example",
  "localhost,evil.example",
  "http://localhost",
  "::1",
  "::1:3456",
  "[::1",
  "[::1]x",
  "[::1%25eth0]",
  "[localhost]",
  "[]",
  "[1:2]",
  "0x7f000001",
  "2130706433",
  "127.1",
  "999.0.0.1",
  "localhost\0",
  "localhost\n"
]

describe("a Host", () => {
  for (const text of acceptedHosts) {
    it(`may be ${text}`, () => assert.isUndefined(host(text)))
  }
  for (const text of refusedHosts) {
    it(`may not be ${JSON.stringify(text)}`, () => assert.strictEqual(host(text), hostNotAllowed))
  }

  it("may not be a name that nobody allowed, whatever this machine is called", () =>
    assert.strictEqual(hostRefusal({ host: "machine", hostName: "other", allowedHosts: [] }), hostNotAllowed))

  const part = Arbitrary.schema(
    Schema.Literals(["localhost", "127.0.0.1", "[::1]", ":", "3456", ".", "@", "/", "evil.example", " ", "%", "[", "]"])
  )
  it.prop(
    "is never one that a URL reads as another name",
    [Arbitrary.map(Arbitrary.array(part, { maxLength: 5 }), (parts) => parts.join(""))],
    ([text]) => {
      const url = `http://${text}/`
      if (host(text) !== undefined || !URL.canParse(url)) return
      assert.include(["localhost", "127.0.0.1", "[::1]"], new URL(url).hostname)
    },
    { arbitrary: { runs: 2000 } }
  )
})

const origin = (text: string | null, own: string | null) => originRefusal({ origin: text, host: own, allowedHosts })

describe("an Origin", () => {
  const accepted = [
    [null, "localhost:3456"],
    ["http://localhost:3456", "localhost:3456"],
    ["HTTP://LOCALHOST:3456", "localhost:3456"],
    ["https://localhost:3456", "localhost:3456"],
    ["http://localhost", "localhost"],
    ["http://localhost", "localhost:80"],
    ["http://localhost:80", "localhost"],
    ["https://localhost", "localhost:443"],
    ["http://[::1]:3456", "[::1]:3456"],
    ["https://looper.example", "localhost:3456"],
    ["http://looper.example:1", "localhost:3456"],
    ["https://proxy.example:8443", "localhost:3456"],
    ["http://[2001:db8::7]", "localhost:3456"],
    ["http://looper.example", null]
  ] as const
  for (const [text, own] of accepted) {
    it(`${text} is accepted by ${own}`, () => assert.isUndefined(origin(text, own)))
  }

  const refused = [
    ["", "localhost:3456"],
    ["null", "localhost:3456"],
    ["http://localhost", "localhost:3456"],
    ["http://localhost:3457", "localhost:3456"],
    ["http://127.0.0.1:3456", "localhost:3456"],
    ["https://localhost", "localhost"],
    ["http://localhost:3456", null],
    ["http://localhost:3456", ""],
    ["http://evil.example", "localhost:3456"],
    ["http://evil.example:3456", "localhost:3456"],
    ["http://localhost.:3456", "localhost:3456"],
    ["http://localhost:3456/", "localhost:3456"],
    ["http://localhost:3456/path", "localhost:3456"],
    ["http://user@localhost:3456", "localhost:3456"],
    ["http://localhost:3456@evil.example", "localhost:3456"],
    ["http://localhost:3456 http://evil.example", "localhost:3456"],
    ["http://", "localhost:3456"],
    ["http://:3456", "localhost:3456"],
    ["http:localhost:3456", "localhost:3456"],
    ["//localhost:3456", "localhost:3456"],
    ["localhost:3456", "localhost:3456"],
    ["file://localhost:3456", "localhost:3456"],
    ["chrome-extension://localhost:3456", "localhost:3456"],
    ["https://proxy.example", "localhost:3456"],
    ["http://proxy.example:8443.evil.example", "localhost:3456"]
  ] as const
  for (const [text, own] of refused) {
    it(`${JSON.stringify(text)} is refused by ${own}`, () => assert.strictEqual(origin(text, own), originNotAllowed))
  }
})

describe("a peer", () => {
  const none = new Headers()

  it("is local by any form of a loopback address", () => {
    const addresses = [
      "127.0.0.1",
      "127.0.0.0",
      "127.1.2.3",
      "127.255.255.255",
      "::1",
      "0:0:0:0:0:0:0:1",
      "::1%lo",
      "::1%25",
      "::ffff:127.0.0.1",
      "::FFFF:127.9.9.9",
      "::ffff:7f00:1",
      "::ffff:127.0.0.1%lo"
    ]
    for (const address of addresses) assert.isTrue(isLocal(address, none), address)
  })

  it("is remote by any other", () => {
    const addresses = [
      undefined,
      "",
      "0.0.0.0",
      "126.255.255.255",
      "128.0.0.1",
      "10.0.0.1",
      "192.168.0.1",
      "::",
      "::2",
      "::127.0.0.1",
      "::ffff:128.0.0.1",
      "::ffff:10.0.0.1",
      "fe80::1%lo",
      "fe80::127.0.0.1",
      "2001:db8::1",
      "localhost",
      "127.0.0.1.evil.example",
      "%127.0.0.1",
      "127.1",
      "0x7f.0.0.1"
    ]
    for (const address of addresses) assert.isFalse(isLocal(address, none), String(address))
  })

  it("is remote where a proxy forwarded the request", () => {
    for (const name of [
      "Forwarded",
      "X-Forwarded-For",
      "x-forwarded-proto",
      "X-FORWARDED-ANYTHING",
      "X-Real-IP",
      "Via"
    ]) {
      for (const value of ["127.0.0.1", ""]) {
        assert.isFalse(isLocal("127.0.0.1", new Headers({ [name]: value })), name)
      }
    }
  })

  it("is local with headers that only resemble a proxy's", () => {
    for (const name of ["X-Forwarded", "X-Real-IP-Address", "Viaduct", "Not-Via", "X-Looper-Token"]) {
      assert.isTrue(isLocal("127.0.0.1", new Headers({ [name]: "1" })), name)
    }
  })
})

describe("a token", () => {
  const table = [
    [{}, undefined],
    [{ authorization: "Bearer abc" }, { bearer: "abc", token: "abc" }],
    [{ authorization: "bearer   a b" }, { bearer: "a b", token: "a b" }],
    [
      { authorization: "Bearer abc", "x-looper-token": "xyz" },
      { bearer: "abc", token: "abc" }
    ],
    [{ "x-looper-token": "xyz" }, { token: "xyz" }],
    [{ authorization: "Basic abc", "x-looper-token": "xyz" }, { token: "xyz" }],
    [{ authorization: "Basic abc" }, undefined],
    [{ authorization: "Bearer" }, undefined],
    [{ authorization: "Bearer " }, undefined],
    [{ authorization: "Bearerabc" }, undefined],
    [{ authorization: "" }, undefined],
    [{ "x-looper-token": "" }, { token: "" }]
  ] as const
  for (const [headers, shown] of table) {
    it(`of ${JSON.stringify(headers)} is ${JSON.stringify(shown)}`, () =>
      assert.deepStrictEqual(shownToken(new Headers(headers as Record<string, string>)), shown))
  }
})
