/** The web page's files as they are served: to anybody, under a strict policy, and nothing else with them. */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { afterAll, beforeAll } from "vitest"
import { checkout, type LooperProcess, startLooper } from "../support/looperProcess.ts"

const folder = join(checkout, "dist/page")
const built = (name: string) => readFileSync(join(folder, name))

let looper: LooperProcess
beforeAll(async () => {
  // `npm ci` builds it; a checkout that was only tested may not have it.
  if (!existsSync(folder)) execFileSync("npm", ["run", "build:page"], { cwd: checkout })
  looper = await startLooper({ env: { LOOPER_API_TOKEN: "p4ge-t0ken" } })
})
afterAll(() => looper?.[Symbol.asyncDispose]())

const get = (path: string, headers: Readonly<Record<string, string>> = {}) => looper.request("GET", path, { headers })

/** The addresses that the page names. */
const named = () =>
  Array.from(
    built("index.html")
      .toString()
      .matchAll(/"(page\/[^"]+)"/g),
    ([, path = ""]) => path
  )

const typeOf = (name: string) => {
  if (name.endsWith(".css")) return "text/css; charset=utf-8"
  if (name.endsWith(".svg")) return "image/svg+xml"
  return name.endsWith(".js") ? "text/javascript; charset=utf-8" : "font/woff2"
}

describe("GET /", () => {
  it("is for anybody, and lets a browser load and run nothing but this origin's files", async () => {
    const { status, headers, text } = await get("/")
    assert.deepStrictEqual([status, headers["content-type"]], [200, "text/html; charset=utf-8"])
    assert.strictEqual(text, built("index.html").toString())
    assert.strictEqual(
      headers["content-security-policy"],
      "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; " +
        "trusted-types lit-html find-worker"
    )
    const others = {
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "cache-control": "no-cache"
    }
    for (const [name, value] of Object.entries(others)) assert.strictEqual(headers[name], value, name)
  })

  it("says how to build it where a page is asked for that was never built", async () => {
    const { status, body } = await get("/page/page-AAAAAAAA.js")
    assert.deepStrictEqual([status, body?.code], [404, "page_file_not_found"])
    assert.include(String(body?.error), "npm run build:page")
  })

  it("names files that are there, each kept by browsers for good, because its name has its hash", async () => {
    assert.isAbove(named().length, 2)
    const files = readdirSync(folder).filter((name) => !name.endsWith(".gz") && name !== "index.html")
    for (const path of named()) assert.include(files, path.slice("page/".length))
    for (const name of files) {
      const { status, headers } = await get(`/page/${name}`)
      assert.deepStrictEqual([status, headers["content-type"]], [200, typeOf(name)], name)
      assert.match(String(headers["cache-control"]), /immutable/)
      assert.strictEqual(headers["cross-origin-resource-policy"], "same-origin", name)
      // A worker has its own script's policy.
      const policy = name.endsWith(".js")
        ? "default-src 'none'; connect-src 'self'; require-trusted-types-for 'script'"
        : undefined
      assert.strictEqual(headers["content-security-policy"], policy, name)
      assert.match(name, /-[0-9A-Z]{8}\.\w+$/)
    }
  })

  it("compresses for who accepts it, and for nobody else", async () => {
    const [path = ""] = named()
    const name = path.slice("page/".length)
    const compressed = await looper.request("GET", `/${path}`, { headers: { "accept-encoding": "br;q=1, gzip" } })
    assert.strictEqual(compressed.headers["content-encoding"], "gzip")
    assert.strictEqual(Number(compressed.headers["content-length"]), built(`${name}.gz`).length)
    assert.isTrue(gunzipSync(built(`${name}.gz`)).equals(built(name)))
    for (const value of ["identity", "gzip;q=0", "gzip; q=0.0, br", "xgzip"]) {
      const plain = await get(`/${path}`, { "accept-encoding": value })
      assert.strictEqual(plain.headers["content-encoding"], undefined, value)
      assert.strictEqual(plain.text, built(name).toString())
    }
  })

  it("has no other file, however it is asked for", async () => {
    const [path = ""] = named()
    const tricks = [
      "",
      "index.html",
      `${path.slice("page/".length)}.gz`,
      "index.html.gz",
      "../package.json",
      "..%2f..%2fpackage.json",
      "%2e%2e/page.js",
      "..%5cpage.js",
      "..%2f..%2fsrc%2fdocsPage%2fpage.js",
      "%2fetc%2fpasswd",
      "constructor.js",
      "__proto__.js",
      "page.js%00"
    ]
    for (const name of tricks) {
      const { status, text } = await get(`/page/${name}`, { authorization: "Bearer p4ge-t0ken" })
      assert.strictEqual(status, 404, `${name}: ${text.slice(0, 200)}`)
    }
  })
})
