/** The page that shows the API: served from this machine alone, and nothing else with it. */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { checkout, type LooperProcess, startLooper } from "../support/looperProcess.ts"

const require = createRequire(import.meta.url)
const own = (name: string) => readFileSync(join(checkout, "src/docsPage", name), "utf8")
const ofPackage = (name: string) => readFileSync(require.resolve(`@fastify/swagger-ui/static/${name}`), "utf8")

let looper: LooperProcess
beforeAll(async () => {
  looper = await startLooper({ env: { LOOPER_API_TOKEN: "page" } })
})
afterAll(() => looper?.[Symbol.asyncDispose]())

const get = (path: string, headers: Readonly<Record<string, string>> = {}) => looper.request("GET", path, { headers })

describe("GET /docs", () => {
  it("is for anybody, and lets a browser load scripts, styles and answers of this origin alone", async () => {
    const { status, headers, text } = await get("/docs")
    assert.deepStrictEqual([status, headers["content-type"], text], [200, "text/html; charset=utf-8", own("page.html")])
    assert.strictEqual(
      headers["content-security-policy"],
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert.strictEqual(headers["x-content-type-options"], "nosniff")
  })

  it("names no other host, and holds no script of its own", () => {
    for (const name of ["page.html", "page.js", "page.css"]) assert.notMatch(own(name), /https?:|\/\/[a-z]+\./)
    assert.notMatch(own("page.html"), /<script>|<style|\son[a-z]+=|style=/)
  })

  it("names files that are there, as they are in the package", async () => {
    const named = [...own("page.html").matchAll(/(?:src|href)="(docs\/[^"]+)"/g)].map((match) => match[1] ?? "")
    assert.deepStrictEqual(named.toSorted(), [
      "docs/page.css",
      "docs/page.js",
      "docs/swagger-ui-bundle.js",
      "docs/swagger-ui.css"
    ])
    for (const path of named) {
      const name = path.slice("docs/".length)
      const { status, headers, text } = await get(`/${path}`)
      assert.strictEqual(status, 200, path)
      assert.isTrue(text === (name.startsWith("page.") ? own(name) : ofPackage(name)), `${path} is another file`)
      const type = name.endsWith(".css") ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8"
      assert.deepStrictEqual([headers["content-type"], headers["x-content-type-options"]], [type, "nosniff"])
    }
  })

  it("has no other file, however it is asked for", async () => {
    const tricks = [
      "",
      "index.html",
      "page.html",
      "package.json",
      "constructor",
      "__proto__",
      "page.js/",
      "page.js%00",
      "Page.js",
      "../package.json",
      "..%2f..%2fpackage.json",
      "%2e%2e/page.js",
      "..%5cpage.js",
      "%2fetc%2fpasswd",
      "swagger-ui-bundle.js.map",
      "./swagger-ui.js"
    ]
    for (const name of tricks) {
      const { status, text } = await get(`/docs/${name}`, { authorization: "Bearer page" })
      assert.strictEqual(status, 404, `${name}: ${text.slice(0, 200)}`)
    }
  })

  it("gets the document with the token that it asks for, and not without one", async () => {
    assert.strictEqual((await get("/openapi.json")).status, 401)
    const { status, headers, body } = await get("/openapi.json", { authorization: "Bearer page" })
    assert.deepStrictEqual([status, headers["content-type"], body?.openapi], [200, "application/json", "3.1.1"])
  })
})
