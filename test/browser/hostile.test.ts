import { describe } from "vitest"
import { bandOf, footOf, logLines } from "./support/band.ts"
import { headerOnly, numberedLines } from "./support/codexLog.ts"
import { isInView } from "./support/LogView.ts"
import { now } from "./support/mockTime.ts"
import { endedRun } from "./support/runs.ts"
import { show } from "./support/show.ts"
import { states } from "./support/states.ts"
import { idleStatus } from "./support/statuses.ts"
import { expect, type Opened, test } from "./support/test.ts"

const markup = `<img src=x onerror="alert(1)"><script>alert(2)</script><svg onload=alert(3)><a href="javascript:alert(4)">x</a>`

/** Elements of the log that are none of the pane's own: anything but lines, spans, numbers and buttons. */
const strangers = (page: Opened) =>
  page
    .locator(".log")
    .evaluate((log) => [
      ...new Set(
        [...log.querySelectorAll(".l > span, .l > span *")]
          .map((element) => element.tagName.toLowerCase())
          .filter((name) => !["span", "b", "button"].includes(name))
      )
    ])

/** Nothing of the page has an attribute that acts, and nothing is there that only markup makes. */
const actors = (page: Opened) =>
  page.evaluate(() =>
    [...document.querySelectorAll("*")]
      .filter(
        (element) =>
          [...element.attributes].some(
            ({ name, value }) => name.startsWith("on") || value.trim().startsWith("javascript:")
          ) || ["IMG", "IFRAME", "OBJECT", "EMBED", "BASE"].includes(element.tagName)
      )
      .map((element) => element.outerHTML.slice(0, 200))
  )

test("markup in the log is text", async ({ looper, open }) => {
  show(looper, { ...states.idle, log: `codex\n${markup}\nexec\n/bin/bash -lc '${markup}' in /tmp\n ok\n` })
  const page = await open(looper.url, { nowMillis: now })
  await page.getByText(markup, { exact: true }).first().waitFor()
  expect(await strangers(page)).toEqual([])
  expect(await actors(page)).toEqual([])
})

test("what steers a terminal is dropped, and what turns text around is seen", async ({ looper, open }) => {
  const lines = [
    "\u001b]52;c;ZXZpbA==\u0007clipboard",
    "\u001b]0;evil title\u0007title",
    "\u001b]8;;https://example.com/evil\u0007link\u001b]8;;\u0007",
    "\u001bP+q544e\u001b\\device",
    "\u001b[2J\u001b[H\u001b[10Acursor",
    "a\u0000b\u0001c\u0085d\u009be",
    "\u001b[38;2;1;2;3mtrue\u001b[48;5;200mcolour\u001b[0m",
    "safe\u202eexe.txt\u202c \u2066x\u2069"
  ]
  show(looper, { ...states.idle, log: `${lines.join("\n")}\n` })
  const page = await open(looper.url, { nowMillis: now })
  await expect.poll(async () => (await logLines(page)).length).toBe(lines.length)
  const shown = await logLines(page)
  expect(shown.slice(0, 5)).toEqual(["clipboard", "title", "link", "device", "cursor"])
  expect(shown[6]).toBe("truecolour")
  // oxlint-disable-next-line no-control-regex
  expect(shown.join("\n")).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/)
  expect(shown[7]).toMatch(/^safe.*202e.*exe\.txt/i)
  expect(await page.title()).not.toContain("evil")
  expect(await page.locator('.log a[href*="example.com"]').count()).toBe(0)
  expect(await page.evaluate(() => navigator.clipboard.readText())).not.toContain("evil")
  expect(await page.locator(".log .l[style], .log .l [style]").count()).toBe(0)
})

test("a line of 5 MB is cut, with a button in front, and the page lives", async ({ looper, open }) => {
  const long = "0123456789".repeat(500_000)
  show(looper, { ...states.running, log: `before\n${long}\nafter\n` })
  const page = await open(looper.url, { nowMillis: now })
  await expect.poll(() => isInView(page, "after"), { timeout: 20_000 }).toBe(true)
  // Whether so long a line comes with the end of the log or is asked for is the page's choice.
  const earlier = page.locator(".edge").getByText(/^Load .* earlier lines/)
  if (await earlier.isVisible()) await earlier.click()
  const button = page.locator(".log button").getByText(/^5,000,000 characters/)
  await button.waitFor()
  expect(await button.isVisible()).toBe(true)
  const drawn = await page.locator(".log").evaluate((log) => log.textContent?.length ?? 0)
  expect(drawn).toBeLessThan(10_000)
  looper.log("3f9c21ab").append("more\n")
  await expect.poll(() => isInView(page, "more")).toBe(true)
})

test("a line of 262,312 characters is shown whole where that is asked for", async ({ looper, open }) => {
  const long = "abcdefgh".repeat(32_789)
  show(looper, { ...states.idle, log: `${long}\nafter\n` })
  const page = await open(looper.url, { nowMillis: now })
  await page.getByText("262,312 characters, show all").click()
  await expect.poll(() => page.locator(".log").evaluate((log) => log.textContent?.length ?? 0)).toBeGreaterThan(262_311)
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true)
})

describe("a hostile text is text in every other place", () => {
  const long = `${markup} ${"long word".repeat(2_000)} \u202e`

  test("in the history, the band, the prompt and the workspace", async ({ looper, open }) => {
    const log = headerOnly.replace("Take the next open item", markup).replaceAll("/srv/verifycad", "/srv/<b>bold</b>")
    const run = endedRun({ state: "failed", return_code: 1, reason: long, workspace: "/srv/<b>bold</b>" })
    show(looper, { ...states.idle, runs: [run], log: `${log}\nx\n` })
    looper.status = idleStatus({
      idle: { reason: "misconfigured", text: long, pids: [], blocking: [], log_changed_at: null },
      next_start_at: null,
      defaults: { ...idleStatus().defaults, prompt: long, workspace: "/srv/<b>bold</b>" }
    })
    const page = await open(looper.url, { nowMillis: now })
    await expect.poll(async () => (await bandOf(page)).sentence).toContain("<img src=x")
    await page.getByText("Whole prompt").click()
    const dialog = page.getByRole("dialog")
    await dialog.waitFor()
    expect(await dialog.innerText()).toContain(markup)
    await page.keyboard.press("Escape")
    await page.getByRole("button", { name: "Start…" }).click()
    expect(await page.getByRole("dialog").getByLabel("Prompt").inputValue()).toContain(markup)
    expect(await actors(page)).toEqual([])
    expect(await page.locator("b").getByText("bold", { exact: true }).count()).toBe(0)
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true)
  })

  test("in an error's answer", async ({ looper, open }) => {
    looper.answer(() => ({ status: 403, body: { ok: false, error: markup, code: "x", request_id: "0badf00d" } }))
    const page = await open(looper.url)
    await expect.poll(async () => (await bandOf(page)).sentence).toContain("<img src=x")
    expect(await actors(page)).toEqual([])
  })

  test("in the answer of a proxy that is no JSON", async ({ looper, open }) => {
    show(looper, states.running)
    looper.nowMillis = undefined
    const page = await open(looper.url)
    await expect.poll(() => footOf(page)).toBe("Following")
    looper.answer(() => ({ status: 502, body: { html: markup } }))
    await expect.poll(async () => (await bandOf(page)).headline, { timeout: 10_000 }).not.toMatch(/^Running/)
    looper.answer(undefined)
    await expect.poll(async () => (await bandOf(page)).headline, { timeout: 20_000 }).toMatch(/^Running/)
  })
})

test("a log that is not UTF-8 is shown, and nothing of it is lost", async ({ looper, open }) => {
  show(looper, { ...states.running, log: numberedLines(5) })
  const page = await open(looper.url, { nowMillis: now })
  await expect.poll(() => footOf(page)).toBe("Following")
  looper.log("3f9c21ab").append(Buffer.from([0x61, 0xff, 0xfe, 0x62, 0x0a]))
  looper.log("3f9c21ab").append("end\n")
  await expect.poll(async () => (await logLines(page)).slice(-2)).toEqual(["a\ufffd\ufffdb", "end"])
})
