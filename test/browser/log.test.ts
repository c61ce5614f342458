import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Download } from "playwright-core"
import { describe } from "vitest"
import { footOf, logLines, logNumbers } from "./support/band.ts"
import { endedLog, numberedLines, workingLog } from "./support/codexLog.ts"
import type { FakeLooper } from "./support/FakeLooper.ts"
import { atRest, firstInView, isInView, lineOf, wheel } from "./support/LogView.ts"
import { show } from "./support/show.ts"
import { states } from "./support/states.ts"
import { expect, type Opened, test } from "./support/test.ts"

/** An ended run's log. */
const showLog = (looper: FakeLooper, log: string) => {
  show(looper, { ...states.idle, log })
  looper.nowMillis = undefined
}

/** A browser that is driven from afar keeps its downloads: this one is copied here. */
const bytesOf = async (download: Download): Promise<Buffer> => {
  const folder = mkdtempSync(join(tmpdir(), "looper-download-"))
  const path = join(folder, "log")
  await download.saveAs(path)
  const bytes = readFileSync(path)
  rmSync(folder, { recursive: true })
  return bytes
}

const clipboard = (page: Opened) => page.evaluate(() => navigator.clipboard.readText())

/** Offsets of a line's first byte and of the one behind its last. */
const placeOf = (text: string, line: string): readonly [number, number] => {
  const start = Buffer.byteLength(text.slice(0, text.indexOf(`${line}\n`)))
  return [start, start + Buffer.byteLength(line)]
}

/** A part of a log, not its end. */
const isPart = (url: URL) => url.pathname.endsWith("/log") && url.search === "?numbered=1"

describe("links to lines", () => {
  const text = numberedLines(200, 1_000) + "zwölf Öfen\n" + numberedLines(9_000, 5_000)

  test("a click on the number makes one, by the line's bytes", async ({ looper, open }) => {
    const log = numberedLines(50) + "zwölf Öfen\nafter\n"
    showLog(looper, log)
    const page = await open(looper.url)
    await lineOf(page, "after").locator("> a").click()
    const [start, end] = placeOf(log, "after")
    expect(new URL(page.url()).hash).toMatch(new RegExp(`^#b${start}(-(${end}|${end + 1}))?$`))
    await expect.poll(() => page.locator(".log .l.on > span").allInnerTexts()).toEqual(["after"])
    await page.keyboard.press("y")
    await expect.poll(() => clipboard(page)).toMatch(new RegExp(`/\\?run=3f9c21ab#b${start}(-(${end}|${end + 1}))?$`))
  })

  test("Shift makes a range", async ({ looper, open }) => {
    const log = numberedLines(50)
    showLog(looper, log)
    const page = await open(looper.url)
    await lineOf(page, "line 40").locator("> a").click()
    await lineOf(page, "line 43")
      .locator("> a")
      .click({ modifiers: ["Shift"] })
    const [[start], [, end]] = [placeOf(log, "line 40"), placeOf(log, "line 43")]
    const [, from, to] = /^#b(\d+)-(\d+)$/.exec(new URL(page.url()).hash) ?? []
    expect(Number(from)).toBe(start)
    expect(Number(to)).toBeGreaterThanOrEqual(end - 1)
    expect(Number(to)).toBeLessThanOrEqual(end + 1)
    await expect
      .poll(() => page.locator(".log .l.on > span").allInnerTexts())
      .toEqual(["line 40", "line 41", "line 42", "line 43"])
  })

  test("Shift makes a range from the line clicked first to the one clicked last, either way", async ({
    looper,
    open
  }) => {
    showLog(looper, numberedLines(50))
    const page = await open(looper.url)
    const marked = () => page.locator(".log .l.on > span").allInnerTexts()
    const click = (line: number) =>
      lineOf(page, `line ${line}`)
        .locator("> a")
        .click({ modifiers: ["Shift"] })
    await lineOf(page, "line 40").locator("> a").click()
    await click(44)
    await expect.poll(async () => (await marked()).length).toBe(5)
    await click(41)
    await expect.poll(marked).toEqual(["line 40", "line 41"])
    await click(38)
    await expect.poll(marked).toEqual(["line 38", "line 39", "line 40"])
    await page.reload()
    await expect.poll(marked).toEqual(["line 38", "line 39", "line 40"])
    await click(39)
    await expect.poll(marked).toEqual(["line 38", "line 39"])
  })

  test("one opens in the middle of a long log with one line marked and the right numbers", async ({ looper, open }) => {
    show(looper, { ...states.running, log: text })
    looper.nowMillis = undefined
    const [start, end] = placeOf(text, "zwölf Öfen")
    const page = await open(looper.url, { path: `/?run=3f9c21ab#b${start}-${end}` })
    await expect.poll(() => isInView(page, "zwölf Öfen")).toBe(true)
    expect(await page.locator(".log .l.on > span").allInnerTexts()).toEqual(["zwölf Öfen"])
    await expect
      .poll(async () => {
        const [numbers, lines] = [await logNumbers(page), await logLines(page)]
        return numbers[lines.indexOf("zwölf Öfen")]
      })
      .toBe(201)
    await expect.poll(() => footOf(page)).toBe("Paused at line 201")
    await page.locator(".log").press("End")
    await expect.poll(() => isInView(page, "line 13999")).toBe(true)
  })
})

test("a number's address names its run where the page's own names none", async ({ looper, open }) => {
  showLog(looper, numberedLines(50))
  const page = await open(looper.url)
  await expect
    .poll(() => lineOf(page, "line 40").locator("> a").getAttribute("href"))
    .toMatch(/^\?run=3f9c21ab#b\d+-\d+$/)
})

test("what cannot be read leaves the lines that are there, and the next try goes", async ({ looper, open }) => {
  showLog(looper, numberedLines(9_000))
  const page = await open(looper.url)
  await expect.poll(() => isInView(page, "line 9000")).toBe(true)
  let refused = 0
  await page.route(isPart, (route) => {
    refused += 1
    return route.fulfill({ status: 503, json: { error: "x", message: "not now" } })
  })
  await page.locator(".log").press("g")
  await expect.poll(() => refused).toBe(1)
  await expect.poll(() => footOf(page)).toBe("End of log")
  expect(await isInView(page, "line 9000")).toBe(true)
  await page.unroute(isPart)
  await page.locator(".log").press("g")
  await expect.poll(() => isInView(page, "line 1")).toBe(true)
})

test("copied text has no line numbers", async ({ looper, open }) => {
  showLog(looper, numberedLines(50))
  const page = await open(looper.url)
  await expect.poll(() => isInView(page, "line 50")).toBe(true)
  await page.locator(".log").evaluate((log) => {
    const lines = [...log.querySelectorAll(".l")]
    const range = new Range()
    range.setStartBefore(lines[45]!)
    range.setEndAfter(lines[48]!)
    getSelection()?.removeAllRanges()
    getSelection()?.addRange(range)
  })
  await page.keyboard.press("Control+c")
  await expect
    .poll(async () => (await clipboard(page)).trim().split(/\n+/))
    .toEqual(["line 46", "line 47", "line 48", "line 49"])
})

/** Selects all lines, in the page; answers the text of the selection. */
const selectLines = () => {
  const [block, selection] = [document.querySelector(".log .blk")!, getSelection()!]
  selection.selectAllChildren(block)
  return selection.toString()
}

test("copied text is the file's: empty lines are there, what a button says is not", async ({ looper, open }) => {
  const [long, rest] = ["x".repeat(5_000), ["alpha", "", "", "beta", "  ", "\tgamma  ", "", "delta"].join("\n")]
  showLog(looper, `first\n${long}\n${rest}\n`)
  const page = await open(looper.url)
  await page.getByRole("button", { name: "5,000 characters, show all" }).waitFor()
  expect(await page.evaluate(selectLines)).toBe(`first\n${long.slice(0, 2_000)}…\n${rest}`)
  await page.keyboard.press("Control+c")
  await expect.poll(() => clipboard(page)).toBe(`first\n${long.slice(0, 2_000)}…\n${rest}`)
  await page.getByRole("button", { name: "Wrap" }).click()
  expect(await page.evaluate(selectLines)).toBe(`first\n${long.slice(0, 2_000)}…\n${rest}`)
})

test("the download is the file, byte for byte", async ({ looper, open }) => {
  const log = `${numberedLines(9_000)}\u001b[31mred\u001b[0m äö\u202e\r\n`
  showLog(looper, log)
  const page = await open(looper.url)
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByText("Download").click()])
  expect(download.suggestedFilename()).toContain("3f9c21ab")
  expect((await bytesOf(download)).equals(Buffer.from(log))).toBe(true)
})

test("with a token the download is the file as well", async ({ looper, open }) => {
  const log = numberedLines(9_000)
  showLog(looper, log)
  looper.token = "correct-horse"
  const page = await open(looper.url, {
    // No dialog of the machine's: where there is none, as in other browsers, a Blob is saved.
    before: () => void Object.assign(globalThis, { showSaveFilePicker: undefined })
  })
  await page.getByLabel("Token").fill("correct-horse")
  await page.getByRole("button", { name: "Open" }).click()
  await page.getByText("line 9000", { exact: true }).waitFor()
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByText("Download").click()])
  expect((await bytesOf(download)).equals(Buffer.from(log))).toBe(true)
})

test("earlier lines are loaded above, and the view stands", async ({ looper, open }) => {
  showLog(looper, numberedLines(10_000))
  const page = await open(looper.url)
  await expect.poll(() => isInView(page, "line 10000")).toBe(true)
  await expect.poll(() => logNumbers(page)).toHaveLength(2_000)
  await page.locator(".log").press("Home")
  await page.getByText("Load 500 earlier lines").waitFor()
  await atRest(page)
  expect(await firstInView(page)).toBe("line 8001")
  const top = () => lineOf(page, "line 8001").evaluate((line) => Math.round(line.getBoundingClientRect().top))
  const before = await top()
  await page.getByText("Load 500 earlier lines").click()
  await expect.poll(async () => (await logNumbers(page)).length).toBe(2_500)
  await expect.poll(async () => (await logNumbers(page))[0]).toBe(7_501)
  await expect.poll(() => logLines(page)).toEqual(Array.from({ length: 2_500 }, (_, index) => `line ${7_501 + index}`))
  await atRest(page)
  expect(Math.abs((await top()) - before)).toBeLessThanOrEqual(2)
})

test("errors and messages are stepped through by keys, and counted", async ({ looper, open }) => {
  showLog(looper, endedLog(1, ["ERROR: usage limit reached"]) + numberedLines(200))
  const page = await open(looper.url)
  await expect.poll(() => isInView(page, "line 200")).toBe(true)
  await page.getByRole("button", { name: "Errors 2" }).waitFor()
  await page.keyboard.press("Shift+E")
  await expect.poll(() => isInView(page, "ERROR: usage limit reached")).toBe(true)
  await page.keyboard.press("Shift+E")
  await expect.poll(() => isInView(page, " exited 1 in 21408ms:")).toBe(true)
  await page.keyboard.press("e")
  await expect.poll(() => isInView(page, "ERROR: usage limit reached")).toBe(true)
  await page.locator(".log").press("End")
  await page.keyboard.press("[")
  await expect
    .poll(() => isInView(page, "Green. Now the full kernel, since the premise is visible to its callers."))
    .toBe(true)
  await page.locator(".log").press("End")
  for (let step = 0; step < 3; step++) await page.keyboard.press("[")
  await expect.poll(() => isInView(page, "Reading additional input from stdin...")).toBe(true)
})

describe("reading aid", () => {
  test("colours are classes, the command is bold, and the text is the file's", async ({ looper, open }) => {
    showLog(looper, endedLog(1, ["ERROR: usage limit reached"]))
    const page = await open(looper.url)
    await page.locator(".log .l.err").getByText("ERROR: usage limit reached").waitFor()
    expect(await page.locator(".log .ag").first().innerText()).toBe("   Compiling")
    expect(await page.locator(".log .cmd b").allInnerTexts()).toContain(
      "cargo verus verify -p kernel --module geometry::winding"
    )
    expect(await page.locator(".log .xf > span").innerText()).toBe(" exited 1 in 21408ms:")
    const plain = endedLog(1, ["ERROR: usage limit reached"])
      // oxlint-disable-next-line no-control-regex
      .replaceAll(/\u001b\[[\d;]*m/g, "")
      .trimEnd()
    expect((await logLines(page)).join("\n").trimEnd()).toBe(plain)
    expect(await page.locator(".log .l[style], .log .l [style]").count()).toBe(0)
  })

  test("?plain switches it off", async ({ looper, open }) => {
    showLog(looper, endedLog(1))
    const page = await open(looper.url, { path: "/?plain" })
    await page.getByText("verification results:: 38 verified, 0 errors").waitFor()
    expect(await page.locator(".log .cmd, .log .xf, .log .role").count()).toBe(0)
  })
})

test("a carriage return keeps the last overwrite, and the offset is still the line's own", async ({ looper, open }) => {
  const log = "progress 10 %\rprogress 99 %\rdone\u0008\u0008ne         \nnext\n"
  showLog(looper, `${log}${numberedLines(3)}`)
  const page = await open(looper.url)
  await page.getByText("next", { exact: true }).waitFor()
  const [first] = await logLines(page)
  expect(first!.trimEnd()).toMatch(/^done(ess 99 %)?$/)
  await lineOf(page, "next").locator("> a").click()
  expect(new URL(page.url()).hash).toMatch(
    new RegExp(`^#b${log.indexOf("next")}(-(${log.length - 1}|${log.length}))?$`)
  )
})

test("a message that comes is announced only where that was asked for", async ({ looper, open }) => {
  show(looper, { ...states.running, log: workingLog(3) })
  const page = await open(looper.url)
  await expect.poll(() => footOf(page)).toBe("Following")
  const log = page.getByRole("log")
  expect(await log.getAttribute("aria-live")).toBe("off")
  expect(await log.getAttribute("aria-label")).toContain("3f9c21ab")
  await wheel(page, -100)
})
