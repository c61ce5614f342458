import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { zulipApiUrl } from "../../../src/services/zulip/zulipSite.ts"

const part = (...texts: ReadonlyArray<string>) => Arbitrary.schema(Schema.Literals(texts))

describe("zulipApiUrl", () => {
  it.each([
    ["example.zulipchat.com", "https://example.zulipchat.com/api/v1"],
    ["https://example.zulipchat.com", "https://example.zulipchat.com/api/v1"],
    ["http://zulip.lan", "http://zulip.lan/api/v1"],
    ["HTTPS://Zulip.LAN/", "https://zulip.lan/api/v1"],
    [" zulip.lan:8443/ ", "https://zulip.lan:8443/api/v1"],
    ["https://zulip.lan/api", "https://zulip.lan/api/v1"],
    ["https://zulip.lan/api/v1/", "https://zulip.lan/api/v1"],
    ["https://lan/chat/api/", "https://lan/chat/api/v1"],
    ["https://lan/myapi", "https://lan/myapi/api/v1"],
    ["httpd.example", "https://httpd.example/api/v1"],
    ["localhost", "http://localhost/api/v1"],
    ["LOCALHOST:9991/api", "http://localhost:9991/api/v1"],
    ["localhost.example.com", "https://localhost.example.com/api/v1"],
    ["localhosted", "https://localhosted/api/v1"],
    ["127.0.0.1:80", "http://127.0.0.1/api/v1"],
    ["127.8.9.1", "http://127.8.9.1/api/v1"],
    ["127.example.com", "https://127.example.com/api/v1"],
    ["[::1]:9991", "http://[::1]:9991/api/v1"],
    ["https://localhost", "https://localhost/api/v1"]
  ])("reads %s as %s", (site, expected) => {
    assert.deepStrictEqual(zulipApiUrl(site), Result.succeed(expected))
  })

  it.each([
    "",
    "https://",
    "ftp://x",
    "file:///etc",
    "https://bot:key@x",
    "https://x?a=1",
    "https://x#y",
    "a b",
    "x:99999"
  ])("refuses %j without repeating it", (site) => {
    const expected = "ZULIP_SITE must be a plain address such as https://example.zulipchat.com"
    assert.deepStrictEqual(zulipApiUrl(site), Result.fail(expected))
  })

  it.prop(
    "gives one address for all ways to write a site",
    [
      part("https://", "http://", ""),
      part("a.example", "localhost", "127.0.0.1", "[::1]"),
      part("", ":9991"),
      part("", "/", "/api", "/api/", "/api/v1", "/api/v1/")
    ],
    ([scheme, host, port, end]) => {
      const isPlain = scheme === "http://" || (scheme === "" && host !== "a.example")
      const expected = Result.succeed(`${isPlain ? "http" : "https"}://${host}${port}/api/v1`)
      const url = zulipApiUrl(scheme + host + port + end)
      assert.deepStrictEqual(url, expected)
      assert.deepStrictEqual(Result.flatMap(url, zulipApiUrl), expected)
    }
  )
})
