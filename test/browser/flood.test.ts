import { footOf, logNumbers } from "./support/band.ts"
import { isInView } from "./support/LogView.ts"
import { show } from "./support/show.ts"
import { states } from "./support/states.ts"
import { expect, test } from "./support/test.ts"

const seconds = 10
const linesPerSecond = 10_000
const burst = linesPerSecond / 20

/** One in five is coloured, as tools' output is. */
const lines = (first: number): string =>
  Array.from({ length: burst }, (_, index) => {
    const number = first + index
    return number % 5 === 0
      ? `\u001b[32mcompiling\u001b[0m crate ${number} of many, with some words behind it to fill the line\n`
      : `plain output of line ${number}, with some words behind it to fill the line as a tool would\n`
  }).join("")

test("10,000 lines a second for 10 s are followed to the last, and the page stays small", async ({ looper, open }) => {
  show(looper, { ...states.running, log: "first\n" })
  looper.nowMillis = undefined
  const page = await open(looper.url)
  await expect.poll(() => footOf(page)).toBe("Following")
  await page.evaluate(() => {
    const gaps: Array<number> = []
    let last = performance.now()
    const look = (at: number) => {
      gaps.push(at - last)
      last = at
      requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
    Object.assign(globalThis, { __gaps: gaps })
  })
  const log = looper.log("3f9c21ab")
  const startedAt = performance.now()
  let mostRows = 0
  for (let sent = 0; sent < seconds * linesPerSecond; sent += burst) {
    log.append(lines(sent + 1))
    if (sent % linesPerSecond === 0) mostRows = Math.max(mostRows, await page.locator(".log .l").count())
    const due = startedAt + ((sent + burst) / linesPerSecond) * 1_000
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())))
  }
  log.append("the last line\n")
  await expect.poll(() => isInView(page, "the last line"), { timeout: 20_000 }).toBe(true)
  mostRows = Math.max(mostRows, await page.locator(".log .l").count())
  const numbers = await logNumbers(page)
  expect(numbers.at(-1)).toBe(seconds * linesPerSecond + 2)
  expect(numbers).toEqual(Array.from(numbers, (_, index) => (numbers[0] ?? 0) + index))
  expect(mostRows).toBeLessThanOrEqual(20_100)
  expect(await page.locator(".foot").innerText()).toContain("100,002 lines")
  expect(await footOf(page)).toBe("Following")
  const measured = await page.evaluate(() => {
    const { __gaps: gaps, gc } = globalThis as unknown as { __gaps: Array<number>; gc?: () => void }
    const { memory } = performance as unknown as { memory: { usedJSHeapSize: number } }
    const before = memory.usedJSHeapSize
    gc?.()
    return {
      frames: gaps.length,
      above50: gaps.filter((gap) => gap > 50).length,
      above100: gaps.filter((gap) => gap > 100).length,
      longest: Math.round(Math.max(...gaps)),
      heapMegabytes: Math.round(before / 1e6),
      heapAfterCollection: Math.round(memory.usedJSHeapSize / 1e6)
    }
  })
  // Figures of this machine at this hour: printed, not judged.
  process.stdout.write(`flood: ${JSON.stringify(measured)}; wanted: no frame above 100 ms, heap below 150 MB\n`)
}, 120_000)
