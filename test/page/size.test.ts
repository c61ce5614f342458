import { execFileSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { extname, join, resolve } from "node:path"
import { gzipSync } from "node:zlib"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"

const checkout = resolve(import.meta.dirname, "../..")
const folder = mkdtempSync(join(tmpdir(), "looper-page-"))
let files: ReadonlyArray<{ readonly name: string; readonly bytes: Buffer }> = []

beforeAll(() => {
  execFileSync(process.execPath, [join(checkout, "scripts/buildPage.ts"), folder])
  files = readdirSync(folder)
    .filter((name) => !name.endsWith(".gz"))
    .map((name) => ({ name, bytes: readFileSync(join(folder, name)) }))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const named = (end: string) => files.filter(({ name }) => name.endsWith(end))
const textOf = ({ bytes }: { readonly bytes: Buffer }): string => bytes.toString()

/** What a browser gets: fonts are compressed in themselves. */
const sent = ({ name, bytes }: (typeof files)[number]): number =>
  extname(name) === ".woff2" ? bytes.length : gzipSync(bytes, { level: 9 }).length

const nameOf = (pattern: RegExp): string => files.find(({ name }) => pattern.test(name))?.name ?? ""

/** Of scripts, also those that they begin with, in all depths. */
const withImports = (names: ReadonlyArray<string>): ReadonlySet<string> => {
  const found = new Set(names)
  for (const name of found) {
    const text = named(name).map(textOf).join("")
    for (const [, imported = ""] of text.matchAll(/(?:from|import)\s*"\.\/([\w.-]+\.js)"/g)) found.add(imported)
  }
  return found
}

/** A font of other characters than ASCII is loaded where one is shown. */
const firstFonts = (): ReadonlyArray<string> => {
  const [css = ""] = named(nameOf(/^page-.*\.css$/)).map(textOf)
  return [...css.matchAll(/@font-face\{[^}]*\}/g)]
    .map(([face]) => face)
    .filter((face) => !face.includes("unicode-range"))
    .map((face) => /[\w-]+\.woff2/.exec(face)?.[0] ?? "")
}

/** Names no host that anything is fetched from: they only tell what an element is. */
const namespaces = /^https?:\/\/www\.w3\.org\//

describe("the built page", () => {
  it("needs at most 60,000 bytes until a live run's log is read: page, style, scripts, fonts and icons", () => {
    const fonts = firstFonts()
    const first = [
      "index.html",
      nameOf(/^page-.*\.css$/),
      ...fonts,
      // Until it knows more, the tab's icon is one that waits.
      nameOf(/^waiting-.*\.svg$/),
      nameOf(/^running-.*\.svg$/),
      ...withImports([nameOf(/^main-.*\.js$/)])
    ]
    const sizes = first.flatMap((name) => named(name).map((file) => ({ name, bytes: sent(file) })))
    assert.strictEqual(sizes.length, first.length, "each of them is there")
    assert.strictEqual(fonts.length, 2)
    const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0)
    assert.isAtMost(total, 60_000, JSON.stringify(sizes, undefined, 2))
  })

  it("needs at most 90,000 bytes for all that it loads unasked", () => {
    const fonts = firstFonts()
    const all = files.filter(({ name }) => !name.endsWith(".woff2") || fonts.includes(name))
    assert.isAtMost(
      all.reduce((sum, file) => sum + sent(file), 0),
      90_000
    )
  })

  it("has the log pane in what is counted", () => {
    const scripts = [...withImports([nameOf(/^main-.*\.js$/)])].flatMap((name) => named(name).map(textOf))
    assert.isTrue(
      scripts.some((text) => text.includes("Output of run ")),
      "its lines are drawn by no other file"
    )
  })

  it("names in its HTML every script that its first one begins with", () => {
    const [html = ""] = named("index.html").map(textOf)
    for (const name of withImports([nameOf(/^main-.*\.js$/)])) assert.include(html, `"page/${name}"`)
  })

  it("names no other host", () => {
    const hosts = [...named(".js"), ...named(".css"), ...named(".html"), ...named(".svg")].flatMap((file) =>
      [...textOf(file).matchAll(/\bhttps?:\/\/[\w.[\]-]+[^\s"'`)]*/g)].map(([url]) => `${file.name}: ${url}`)
    )
    assert.deepStrictEqual(
      hosts.filter((found) => !namespaces.test(found.slice(found.indexOf(": ") + 2))),
      []
    )
  })

  it("has no script, style or handler of events in its HTML", () => {
    const [html = ""] = named("index.html").map(textOf)
    assert.notMatch(html, /<script(?![^>]*\bsrc=)/i)
    assert.notMatch(html, /<style\b|\sstyle=|\son\w+=|javascript:/i)
  })

  it("names only files that are there", () => {
    const [html = ""] = named("index.html").map(textOf)
    const links = [...html.matchAll(/(?:src|href|content)="page\/([^"]+)"/g)].map(([, name]) => name)
    assert.isAbove(links.length, 2)
    for (const link of links) assert.include(readdirSync(folder), link)
  })
})

describe("the page's source", () => {
  const source = join(checkout, "src/page")
  const sources = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => ({ name, bytes: readFileSync(join(source, name)) }))

  const banned = [
    ["makes markup of text", /\b(innerHTML|outerHTML|insertAdjacentHTML|setHTMLUnsafe|createContextualFragment)\b/],
    ["makes markup of text through lit", /\bunsafe(HTML|SVG|Static|MathML)\b/],
    ["has a style attribute", /\sstyle=|setAttribute\(\s*["'`]style["'`]|\bcssText\b/],
    ["writes into the document", /document\.write(ln)?\b/],
    ["makes code of text", /\beval\(|\bnew Function\b/],
    ["puts a token into an address", /[?&]token=/]
  ] as const

  for (const [what, pattern] of banned) {
    it(`never ${what}`, () => {
      const found = sources.flatMap((file) =>
        textOf(file)
          .split("\n")
          .flatMap((line, index) => (pattern.test(line) ? [`${file.name}:${index + 1}: ${line.trim()}`] : []))
      )
      assert.deepStrictEqual(found, [])
    })
  }
})
