import { numberedLines } from "./support/codexLog.ts"
import { footOf, logLines } from "./support/band.ts"
import type { FakeLooper } from "./support/FakeLooper.ts"
import { isInView } from "./support/LogView.ts"
import { show } from "./support/show.ts"
import { states } from "./support/states.ts"
import { expect, type Opened, test } from "./support/test.ts"

/** 31 of its 40,000 lines hold the word; only one of them is among the last 2,000. */
const log = Array.from({ length: 40_000 }, (_, index) =>
  index % 1_300 === 7 ? `here is a Needle ${index}\n` : `line ${index}\n`
).join("")
const needles = log.split("\n").filter((line) => line.includes("Needle"))

const openLog = async (looper: FakeLooper, open: (url: string) => Promise<Opened>) => {
  show(looper, { ...states.running, log })
  looper.nowMillis = undefined
  const page = await open(looper.url)
  await expect.poll(() => footOf(page)).toBe("Following")
  return page
}

const field = (page: Opened) => page.getByRole("searchbox", { name: "Find in log" })
const count = async (page: Opened) => (await page.locator(".find .n").innerText()).trim()

test("counts the whole file and goes to matches that are not loaded", async ({ looper, open }) => {
  expect(needles).toHaveLength(31)
  const page = await openLog(looper, open)
  await page.keyboard.press("/")
  expect(await field(page).evaluate((input) => input === document.activeElement)).toBe(true)
  await field(page).fill("nEEdle")
  await field(page).press("Enter")
  await expect.poll(() => count(page), { timeout: 10_000 }).toMatch(/^\d+ of 31$/)
  await expect.poll(() => footOf(page)).toBe("Paused while finding")
  const seen = new Set<number>()
  for (let step = 0; step < 8; step++) {
    const at = Number((await count(page)).split(" ")[0])
    seen.add(at)
    await expect.poll(() => isInView(page, needles[at - 1] ?? ""), { timeout: 10_000 }).toBe(true)
    await field(page).press("Enter")
    const next = (at % 31) + 1
    await expect.poll(() => count(page)).toBe(`${next} of 31`)
  }
  expect(seen.size).toBe(8)
  await field(page).press("Shift+Enter")
  await expect.poll(() => count(page)).not.toBe(`${[...seen][0]} of 31`)
})

test("marks matches without touching the log's nodes", async ({ looper, open }) => {
  const page = await openLog(looper, open)
  const nodes = () => page.locator(".log").evaluate((element) => element.querySelectorAll("mark, .l > span > *").length)
  const before = await nodes()
  await field(page).fill("line 39998")
  await expect.poll(() => count(page), { timeout: 10_000 }).toMatch(/of 1$/)
  await expect
    .poll(() => page.evaluate(() => [...CSS.highlights].map(([name, ranges]) => [name, ranges.size > 0])))
    .toContainEqual([expect.stringMatching(/^(find|cur)$/), true])
  expect(await nodes()).toBe(before)
})

test("says that there is none, and Escape gives the keys back", async ({ looper, open }) => {
  const page = await openLog(looper, open)
  await page.keyboard.press("/")
  await field(page).fill("not there at all")
  await expect.poll(() => count(page), { timeout: 10_000 }).toBe("none")
  await page.keyboard.press("Escape")
  await expect.poll(() => field(page).evaluate((input) => input === document.activeElement)).toBe(false)
  await page.keyboard.press("f")
  await expect.poll(() => footOf(page)).toMatch(/^(Following|Paused)/)
})

test("finds a single character", async ({ looper, open }) => {
  show(looper, { ...states.idle, log: "終わり\n終\nend\n" })
  const page = await open(looper.url)
  await page.getByText("end", { exact: true }).waitFor()
  await field(page).fill("終")
  await expect.poll(() => count(page)).toMatch(/^\d of 2$/)
})

test("n and N go on from outside the field", async ({ looper, open }) => {
  const page = await openLog(looper, open)
  await field(page).fill("needle")
  await field(page).press("Enter")
  await expect.poll(() => count(page), { timeout: 10_000 }).toMatch(/^\d+ of 31$/)
  const at = Number((await count(page)).split(" ")[0])
  await page.locator(".log").focus()
  await page.keyboard.press("n")
  await expect.poll(() => count(page)).toBe(`${(at % 31) + 1} of 31`)
  await page.keyboard.press("Shift+N")
  await expect.poll(() => count(page)).toBe(`${at} of 31`)
})

test("finds text across the pieces that a worker reads, with characters of several bytes", async ({ looper, open }) => {
  const piece = "x".repeat(1_048_570)
  show(looper, { ...states.idle, log: `${piece}größer als\n${piece}größer als\n${numberedLines(100)}` })
  looper.nowMillis = undefined
  const page = await open(looper.url)
  await expect.poll(() => isInView(page, "line 100")).toBe(true)
  await field(page).fill("GRÖSSER".toLowerCase().replace("ss", "ß"))
  await expect.poll(() => count(page), { timeout: 15_000 }).toMatch(/of 2$/)
  expect((await logLines(page)).length).toBeGreaterThan(100)
})

test("the worker that searches makes no code of a string", async ({ looper, open }) => {
  const page = await openLog(looper, open)
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  looper.answer(async ({ headers }) => {
    if (headers.range !== undefined) await held
    return undefined
  })
  const started = page.waitForEvent("worker")
  await field(page).fill("needle")
  const worker = await started
  const tried = await worker.evaluate(
    () =>
      // Later, as the worker's own code: what the debugger runs may do more.
      new Promise((resolve) =>
        setTimeout(() => {
          try {
            // oxlint-disable-next-line no-eval
            resolve(`made ${globalThis.eval("1 + 1")}`)
          } catch (error) {
            resolve((error as Error).name)
          }
        })
      )
  )
  release()
  expect(tried).toBe("EvalError")
  await expect.poll(() => count(page), { timeout: 10_000 }).toMatch(/of 31$/)
})

/** Is what is gone to inside the log's view? `undefined`: it is not drawn. */
const isCurrentInView = (page: Opened) =>
  page.locator(".log").evaluate((element) => {
    const [range] = [...(CSS.highlights.get("cur") ?? [])] as unknown as ReadonlyArray<Range>
    if (range === undefined) return undefined
    const [view, seen] = [element.getBoundingClientRect(), range.getBoundingClientRect()]
    const isInside = seen.left >= view.left && seen.right <= view.right
    return seen.width > 0 && isInside && seen.top >= view.top && seen.bottom <= view.bottom
  })

const words = (count: number) => "some words ".repeat(count)

for (const isWrapped of [false, true]) {
  test(`brings a match into view that stands far behind in its line, ${isWrapped ? "wrapped" : "not wrapped"}`, async ({
    looper,
    open
  }) => {
    // Below the 2,000 characters that are drawn, and beyond them; nothing of either is in view at first.
    const far = `${words(100)}Farther ${words(20)}\n${numberedLines(500)}${words(2_000)}Farther ${words(2_000)}\n`
    show(looper, { ...states.idle, log: `${numberedLines(500)}${far}${numberedLines(500)}` })
    looper.nowMillis = undefined
    const page = await open(looper.url)
    await expect.poll(() => isInView(page, "line 500")).toBe(true)
    if (isWrapped) await page.getByRole("button", { name: "Wrap" }).click()
    await field(page).fill("farther")
    for (const at of ["2 of 2", "1 of 2", "2 of 2"]) {
      await expect.poll(() => count(page), { timeout: 10_000 }).toBe(at)
      await expect.poll(() => isCurrentInView(page), { timeout: 10_000 }).toBe(true)
      await field(page).press("Enter")
    }
  })
}
