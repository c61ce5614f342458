import { describe } from "vitest"
import { bandOf, logLines } from "./support/band.ts"
import type { FakeLooper } from "./support/FakeLooper.ts"
import { now } from "./support/mockTime.ts"
import { endedRun, olderRuns } from "./support/runs.ts"
import { show } from "./support/show.ts"
import { states } from "./support/states.ts"
import { expect, type Opened, sizes, test } from "./support/test.ts"

const rows = (page: Opened) => page.locator(".list .r")
const filter = (page: Opened, name: RegExp) => page.locator(".flt").getByRole("button", { name })

const showHistory = (looper: FakeLooper, count: number) => {
  show(looper, states.idle)
  looper.runs = [endedRun(), ...olderRuns(count)]
}

test("each run is one row: when, what became of it, how long", async ({ looper, open }) => {
  showHistory(looper, 5)
  looper.runs[1] = endedRun({ ...looper.runs[1], state: "failed", return_code: 1, reason: "usage limit reached" })
  const page = await open(looper.url, { nowMillis: now })
  await expect.poll(() => rows(page).count()).toBe(6)
  const first = rows(page).first()
  expect((await first.innerText()).split(/\s*\n\s*/).filter(Boolean)).toEqual(["succeeded", "12:41", "1 h 10 m"])
  expect(await first.getAttribute("aria-current")).toBe("true")
  const [why, reason] = await rows(page).nth(1).locator(".why span").all()
  expect(await why!.innerText()).toBe("exit 1")
  // There is no room for it: it is in the line below, which is not seen.
  expect((await reason!.boundingBox())!.y).toBeGreaterThan((await why!.boundingBox())!.y + 10)
  expect(await rows(page).nth(1).getAttribute("title")).toContain("usage limit reached")
  expect(await page.locator(".day").first().innerText()).toMatch(/^Today\s+\d+ runs?$/)
})

test("filters ask the server, and say how many there are", async ({ looper, open }) => {
  showHistory(looper, 400)
  const count = (state: string) => looper.runs.filter((run) => run.state === state).length
  const page = await open(looper.url, { nowMillis: now })
  await expect.poll(() => filter(page, /^All/).innerText()).toContain("401")
  for (const [name, state, autopoll] of [
    [/^Failed/, "failed", undefined],
    [/^Stopped/, "stopped", undefined],
    [/^Auto/, undefined, "1"]
  ] as const) {
    await filter(page, name).click()
    await expect
      .poll(() => looper.of("GET /runs").findLast(({ query }) => query.limit === "100")?.query)
      .toMatchObject(state === undefined ? { autopoll } : { state: expect.stringContaining(state) })
    await expect.poll(() => filter(page, name).getAttribute("aria-pressed")).toBe("true")
    await expect
      .poll(() => rows(page).evaluateAll((all) => new Set(all.map((row) => (row as HTMLElement).dataset.s)).size))
      .toBeLessThanOrEqual(state === undefined ? 4 : 2)
  }
  await expect.poll(() => filter(page, /^Failed/).innerText()).toContain(String(count("failed")))
})

test("10,000 runs are fewer than 400 rows, to the last of them", async ({ looper, open }) => {
  showHistory(looper, 9_999)
  const page = await open(looper.url, { nowMillis: now })
  await expect.poll(() => filter(page, /^All/).innerText()).toContain("10,000")
  const list = page.locator(".list")
  let most = 0
  await expect
    .poll(
      async () => {
        await list.evaluate((element) => element.scrollTo(0, element.scrollHeight))
        most = Math.max(most, await rows(page).count())
        return (await page.evaluate(() => document.querySelectorAll(".r").length > 0 && document.title !== ""))
          ? (looper.of("GET /runs").at(-1)?.query.cursor ?? "")
          : ""
      },
      { timeout: 100_000, interval: 30 }
    )
    .toBe("9900")
  await list.evaluate((element) => element.scrollTo(0, element.scrollHeight))
  await expect
    .poll(async () => {
      await list.evaluate((element) => element.scrollTo(0, element.scrollHeight))
      return await rows(page).last().getAttribute("href")
    })
    .toContain(looper.runs.at(-1)!.request_id)
  most = Math.max(most, await rows(page).count())
  expect(most).toBeLessThan(400)
  await list.evaluate((element) => element.scrollTo(0, 0))
  await expect.poll(() => rows(page).first().getAttribute("href")).toContain("3f9c21ab")
}, 120_000)

test("the chart is one picture with a sentence, and each bar leads to its run", async ({ looper, open }) => {
  showHistory(looper, 60)
  const page = await open(looper.url, { nowMillis: now })
  const chart = page.locator(".chart svg")
  const shown = looper.runs.slice(0, 44)
  const count = (state: string) => shown.filter((run) => run.state === state).length
  const parts = ["succeeded", "failed", "stopped", "interrupted"]
    .map((state) => [count(state), state] as const)
    .filter(([many]) => many > 0)
    .map(([many, state]) => `${many} ${state}`)
  await expect
    .poll(() => page.getByRole("img", { name: /^Last 44 runs/ }).getAttribute("aria-label"))
    .toBe(`Last 44 runs: duration as height. ${parts.join(", ")}.`)
  expect(await page.locator(".chart").innerText()).toMatch(/last 44 runs, height is duration\s+median \d+ m/)
  expect(await chart.locator("a").count()).toBe(44)
  const last = shown[43]!
  looper.log(last.request_id).append("the oldest of the bars\n")
  await chart.locator("a").first().click({ force: true })
  await page.getByText("the oldest of the bars").waitFor()
  expect(new URL(page.url()).searchParams.get("run")).toBe(last.request_id)
})

describe("a run of the history", () => {
  test("is opened by a click, pinned by the address, and left by Back", async ({ looper, open }) => {
    showHistory(looper, 20)
    const [, second] = looper.runs
    looper.log(second!.request_id).append("words of the second\n")
    const page = await open(looper.url, { nowMillis: now })
    await rows(page).nth(1).click()
    await expect.poll(() => logLines(page)).toEqual(["words of the second"])
    expect(new URL(page.url()).search).toBe(`?run=${second!.request_id}`)
    expect(await rows(page).nth(1).getAttribute("aria-current")).toBe("true")
    expect((await bandOf(page)).headline).toMatch(/^Idle/)
    await page.goBack()
    await page.getByText("verification results:: 38 verified").first().waitFor()
  })

  test("is opened by j and k", async ({ looper, open }) => {
    showHistory(looper, 20)
    const page = await open(looper.url, { nowMillis: now })
    await expect.poll(() => rows(page).count()).toBe(21)
    const current = () => page.locator(".list .r[aria-current=true]").getAttribute("href")
    await page.keyboard.press("j")
    await expect.poll(current).toContain(looper.runs[1]!.request_id)
    await page.keyboard.press("j")
    await expect.poll(current).toContain(looper.runs[2]!.request_id)
    await page.keyboard.press("k")
    await expect.poll(current).toContain(looper.runs[1]!.request_id)
  })

  test("is left by j and k for the runs beside it, also where it is not listed yet", async ({ looper, open }) => {
    showHistory(looper, 900)
    const page = await open(looper.url, { nowMillis: now, path: `/?run=${looper.runs[400]!.request_id}` })
    await expect.poll(() => rows(page).count()).toBeGreaterThan(10)
    const current = () => new URL(page.url()).searchParams.get("run")
    await page.keyboard.press("j")
    await expect.poll(current).toBe(looper.runs[401]!.request_id)
    await page.keyboard.press("k")
    await expect.poll(current).toBe(looper.runs[400]!.request_id)
    await page.keyboard.press("k")
    await expect.poll(current).toBe(looper.runs[399]!.request_id)
  })

  test("that the filter leaves out is left by j and k for those beside it in time", async ({ looper, open }) => {
    showHistory(looper, 60)
    const failed = looper.runs.filter(({ state }) => state === "failed")
    const [, second] = failed
    const newer = looper.runs[looper.runs.indexOf(second!) - 1]
    const page = await open(looper.url, { nowMillis: now, path: `/?run=${newer!.request_id}` })
    await filter(page, /^Failed/).click()
    await expect.poll(() => rows(page).count()).toBe(failed.length)
    await page.keyboard.press("j")
    await expect.poll(() => new URL(page.url()).searchParams.get("run")).toBe(second!.request_id)
  })

  for (const [width, size] of Object.entries(sizes)) {
    test(`is gone to by its id through a button (${width})`, async ({ looper, open }) => {
      showHistory(looper, 9_999)
      const page = await open(looper.url, { nowMillis: now, size })
      if (width === "narrow") await page.getByRole("tab", { name: "Runs" }).click()
      await expect.poll(() => filter(page, /^All/).innerText()).toContain("10,000")
      await filter(page, /^Stopped/).click()
      await rows(page).first().waitFor()
      const button = page.getByRole("button", { name: "Go to a run" })
      const box = (await button.boundingBox())!
      const edge = (await page.locator(".flt").boundingBox())!
      expect(box.x + box.width).toBeLessThanOrEqual(edge.x + edge.width)
      await button.click()
      const dialog = page.getByRole("dialog", { name: "Go to a run" })
      await dialog.getByLabel("Id, or date").fill(looper.runs[3]!.request_id)
      await dialog.getByRole("button", { name: "Go", exact: true }).click()
      await dialog.waitFor({ state: "hidden" })
      expect(new URL(page.url()).search).toBe(`?run=${looper.runs[3]!.request_id}`)
    })
  }

  test("that is unknown says so in words", async ({ looper, open }) => {
    showHistory(looper, 3)
    const page = await open(looper.url, { nowMillis: now, path: "/?run=deadbeef" })
    await page
      .locator("main")
      .getByText(/^no run has the id/i)
      .waitFor()
  })
})
