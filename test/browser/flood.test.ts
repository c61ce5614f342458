import { footOf, logNumbers } from "./support/band.ts"
import { isInView } from "./support/LogView.ts"
import { show } from "./support/show.ts"
import { states } from "./support/states.ts"
import { traceTasks } from "./support/tasks.ts"
import { expect, type Opened, test } from "./support/test.ts"

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

/** What the page holds. */
const sizeOf = (page: Opened) =>
  page.evaluate(() => {
    const { memory } = performance as unknown as { readonly memory: { readonly usedJSHeapSize: number } }
    return { rows: document.querySelectorAll(".log .l").length, heapMegabytes: memory.usedJSHeapSize / 1e6 }
  })

test("10,000 lines a second for 10 s are followed to the last, and the page stays small", async ({ looper, open }) => {
  show(looper, { ...states.running, log: "first\n" })
  looper.nowMillis = undefined
  const page = await open(looper.url)
  await expect.poll(() => footOf(page)).toBe("Following")
  const tasks = await traceTasks(page)
  const log = looper.log("3f9c21ab")
  const startedAt = performance.now()
  const sizes: Array<Awaited<ReturnType<typeof sizeOf>>> = []
  for (let sent = 0; sent < seconds * linesPerSecond; sent += burst) {
    log.append(lines(sent + 1))
    if (sent % linesPerSecond === 0) sizes.push(await sizeOf(page))
    const due = startedAt + ((sent + burst) / linesPerSecond) * 1_000
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())))
  }
  const [longest = Number.NaN, ...rest] = await tasks()
  sizes.push(await sizeOf(page))
  log.append("the last line\n")
  await expect.poll(() => isInView(page, "the last line"), { timeout: 20_000 }).toBe(true)
  sizes.push(await sizeOf(page))
  const mostHeap = Math.round(Math.max(...sizes.map(({ heapMegabytes }) => heapMegabytes)))
  // Lines that nobody saw get their elements a moment later.
  await expect.poll(async () => (await logNumbers(page)).length, { timeout: 20_000 }).toBeGreaterThan(19_800)
  const numbers = await logNumbers(page)
  expect(numbers.at(-1)).toBe(seconds * linesPerSecond + 2)
  expect(numbers).toEqual(Array.from(numbers, (_, index) => (numbers[0] ?? 0) + index))
  expect(Math.max(...sizes.map(({ rows }) => rows))).toBeLessThanOrEqual(20_100)
  expect(await page.locator(".foot").innerText()).toContain("100,002 lines")
  expect(await footOf(page)).toBe("Following")
  process.stdout.write(`flood: ${rest.length + 1} tasks, the longest ${longest} ms; ${mostHeap} MB of heap\n`)
  // The design's own demands of the page, judged here although tests judge no times: what the thread itself worked on
  // one task, and what it keeps, do not grow with what else this machine does.
  expect(rest.length).toBeGreaterThan(seconds)
  expect(longest).toBeLessThan(100)
  expect(mostHeap).toBeLessThan(150)
}, 120_000)
