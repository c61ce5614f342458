import { join } from "node:path"
import { describe, inject } from "vitest"
import { bandOf } from "./support/band.ts"
import { now } from "./support/mockTime.ts"
import { show } from "./support/show.ts"
import { pictured, type State, states } from "./support/states.ts"
import { expect, type Opened, sizes, test } from "./support/test.ts"

const artefacts = inject("artefacts")

const picture = async (page: Opened, name: string, theme: string) => {
  await page.evaluate(() => document.fonts.ready)
  const { width = 0, height = 0 } = page.viewportSize() ?? {}
  await page.screenshot({ path: join(artefacts, `page-${name}-${theme}-${width}x${height}.png`) })
}

/** Named as the design's pictures are, with `page` for `mock`. */
describe("pictures of the page", () => {
  for (const theme of ["light", "dark"] as const) {
    for (const [sizeName, size] of Object.entries(sizes)) {
      test(`${theme}, ${sizeName}`, async ({ looper, open }) => {
        for (const name of pictured) {
          const state: State = states[name]
          show(looper, state)
          const page = await open(looper.url, { nowMillis: state.nowMillis ?? now, theme, size })
          await expect.poll(async () => (await bandOf(page)).headline).not.toBe("")
          if (state.log !== undefined) await page.locator(".log .l").first().waitFor()
          await picture(page, name, theme)
          if (name === "running") {
            await page.getByRole("button", { name: "Start…" }).click()
            await page.getByRole("dialog").waitFor()
            await picture(page, "start", theme)
          }
          await page.close()
        }
        looper.token = "secret"
        const closed = await open(looper.url, { nowMillis: now, theme, size })
        await closed.getByLabel("Token").waitFor()
        await picture(closed, "unauthorized", theme)
        looper.token = undefined
        show(looper, states.running)
        const lost = await open(looper.url, { nowMillis: now, theme, size })
        await lost.locator(".log .l").first().waitFor()
        looper.isDown = true
        await expect.poll(async () => (await bandOf(lost)).headline).toMatch(/^Looper does not answer/)
        await picture(lost, "unreachable", theme)
      })
    }
  }
})
