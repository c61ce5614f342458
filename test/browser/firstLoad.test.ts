import { bandOf } from "./support/band.ts"
import { now } from "./support/mockTime.ts"
import { show } from "./support/show.ts"
import { states } from "./support/states.ts"
import { expect, test } from "./support/test.ts"

test("what a browser loads to show a run that works is compressed, and its size is printed", async ({
  looper,
  open
}) => {
  show(looper, states.running)
  const page = await open(looper.url, { nowMillis: now })
  await expect.poll(async () => (await bandOf(page)).headline).toBe("Running 1 h 12 m")
  await page.locator(".log .l").first().waitFor()
  await page.evaluate(() => document.fonts.ready)
  const files = await page.evaluate(() =>
    [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
      .map((entry) => entry as PerformanceResourceTiming)
      .map(({ name, encodedBodySize, decodedBodySize }) => ({
        path: new URL(name).pathname,
        sent: encodedBodySize,
        whole: decodedBodySize
      }))
      .filter(({ path }) => path === "/" || path.startsWith("/page/"))
  )
  for (const { path, sent, whole } of files.filter(({ path }) => path.endsWith(".js") || path.endsWith(".css"))) {
    expect(sent, `${path} is sent compressed`).toBeLessThan(whole)
  }
  const total = files.reduce((sum, { sent }) => sum + sent, 0)
  process.stdout.write(`first view: ${total} bytes in ${files.length} files\n`)
  process.stdout.write(`${files.map(({ path, sent }) => `  ${sent} ${path}`).join("\n")}\n`)
})
