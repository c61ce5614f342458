import { bandOf } from "./support/band.ts"
import { now } from "./support/mockTime.ts"
import { show } from "./support/show.ts"
import { states } from "./support/states.ts"
import { expect, type Opened, test } from "./support/test.ts"

interface Watched {
  /** When the log's first line was in the document, in milliseconds of the page. */
  drawnAt?: number
}

/** Runs in the page. */
const noteFirstLine = () => {
  new MutationObserver((_, observer) => {
    if (document.querySelector(".log .l") === null) return
    const watched = globalThis as unknown as Watched
    watched.drawnAt = performance.now()
    observer.disconnect()
  }).observe(document, { childList: true, subtree: true })
}

interface Loaded {
  readonly path: string
  /** Bytes as they were sent. */
  readonly sent: number
  /** Bytes of what they hold. */
  readonly whole: number
  /** It was asked for before the log was seen, or is a font, which is asked for when its text is. */
  readonly isFirst: boolean
}

/** What the browser loaded of the page itself. */
const loadedFiles = (page: Opened): Promise<ReadonlyArray<Loaded>> =>
  page.evaluate(() => {
    const { drawnAt = 0 } = globalThis as unknown as Watched
    return [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
      .map((entry) => entry as PerformanceResourceTiming)
      .map(({ name, startTime, encodedBodySize, decodedBodySize }) => ({
        path: new URL(name).pathname,
        sent: encodedBodySize,
        whole: decodedBodySize,
        isFirst: startTime <= drawnAt || name.endsWith(".woff2")
      }))
      .filter(({ path }) => path === "/" || path.startsWith("/page/"))
  })

test("a browser loads at most 60,000 bytes, compressed, to show a run that works, its history and its log", async ({
  looper,
  open
}) => {
  show(looper, states.running)
  const page = await open(looper.url, { nowMillis: now, before: noteFirstLine })
  await expect.poll(async () => (await bandOf(page)).headline).toBe("Running 1 h 12 m")
  await page.locator(".runs .r").nth(10).waitFor()
  await page.locator(".log .l").first().waitFor()
  await page.evaluate(() => document.fonts.ready)
  // What counts errors comes once lines are seen.
  await expect
    .poll(async () => (await loadedFiles(page)).map(({ path }) => path))
    .toContainEqual(expect.stringMatching(/Finders-/))
  const first = (await loadedFiles(page)).filter(({ isFirst }) => isFirst)
  // What only names another file is too short to be compressed.
  const long = first.filter(({ path, whole }) => /\.(js|css)$/.test(path) && whole > 100)
  for (const { path, sent, whole } of long) {
    expect(sent, `${path} is sent compressed`).toBeLessThan(whole)
  }
  for (const kind of ["/", ".css", ".js", ".woff2"]) {
    expect(first.filter(({ path }) => path.endsWith(kind)).length, kind).toBeGreaterThan(0)
  }
  const total = first.reduce((sum, { sent }) => sum + sent, 0)
  process.stdout.write(`first view: ${total} bytes in ${first.length} files\n`)
  expect(total, JSON.stringify(first, undefined, 2)).toBeLessThanOrEqual(60_000)
})
