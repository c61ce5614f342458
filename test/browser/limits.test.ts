import { footOf } from "./support/band.ts"
import { isInView } from "./support/LogView.ts"
import { show } from "./support/show.ts"
import { states } from "./support/states.ts"
import { expect, test } from "./support/test.ts"

/** Of the file, 54 MB: lines that are kept whole, and are many fewer than a block may have. */
const long = `${"0123456789".repeat(90_000)}\n`
const count = 60

test("of lines that are long the last 20 MB are in the page, however few they are", async ({ looper, open }) => {
  show(looper, { ...states.running, log: "first\n" })
  looper.nowMillis = undefined
  const page = await open(looper.url)
  await expect.poll(() => footOf(page)).toBe("Following")
  const log = looper.log("3f9c21ab")
  await expect.poll(() => log.followers).toBe(1)
  for (let line = 0; line < count; line++) log.append(long)
  log.append("the last line\n")
  await expect.poll(() => isInView(page, "the last line"), { timeout: 20_000 }).toBe(true)
  expect(await page.locator(".foot").innerText()).toContain("54 MB, the last 19.8 MB in this tab")
})

test("lines that wait for a page to be seen are as much text at most", async ({ looper, open }) => {
  show(looper, { ...states.running, log: "first\n" })
  looper.nowMillis = undefined
  const page = await open(looper.url)
  await expect.poll(() => footOf(page)).toBe("Following")
  const log = looper.log("3f9c21ab")
  await expect.poll(() => log.followers).toBe(1)
  await page.evaluate(() => {
    const frames: Array<FrameRequestCallback> = []
    const request = globalThis.requestAnimationFrame
    Object.defineProperty(document, "hidden", { get: () => true, configurable: true })
    Object.assign(globalThis, {
      requestAnimationFrame: (frame: FrameRequestCallback) => frames.push(frame),
      __see: () => {
        Object.defineProperty(document, "hidden", { get: () => false, configurable: true })
        Object.assign(globalThis, { requestAnimationFrame: request })
        for (const frame of frames) request(frame)
      }
    })
    document.dispatchEvent(new Event("visibilitychange"))
  })
  for (let line = 0; line < count; line++) log.append(long)
  await expect.poll(() => page.locator(".foot").innerText(), { timeout: 20_000 }).toContain("54 MB")
  await page.evaluate(() => (globalThis as unknown as { __see: () => void }).__see())
  // The last 23 begin within 20 MB.
  await page.getByText("37 lines not drawn, load").waitFor()
})
