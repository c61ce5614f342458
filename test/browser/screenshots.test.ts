import { join } from "node:path"
import { describe, inject } from "vitest"
import { bandOf } from "./support/band.ts"
import { now } from "./support/mockTime.ts"
import { show } from "./support/show.ts"
import { pictured, type State, states } from "./support/states.ts"
import { expect, type Opened, sizes, test } from "./support/test.ts"

const artefacts = inject("artefacts")

/** One of each size. */
const picture = async (page: Opened, name: string, theme: string) => {
  await page.evaluate(() => document.fonts.ready)
  for (const size of Object.values(sizes)) {
    await page.setViewportSize(size)
    await page.screenshot({ path: join(artefacts, `page-${name}-${theme}-${size.width}x${size.height}.png`) })
  }
}

/** Named as the design's pictures are, with `page` for `mock`. */
describe("pictures of the page", () => {
  for (const theme of ["light", "dark"] as const) {
    test(`${theme}, wide and narrow`, async ({ looper, open }) => {
      const openState = async (state: State): Promise<Opened> => {
        show(looper, state)
        const page = await open(looper.url, { nowMillis: state.nowMillis ?? now, theme })
        await expect.poll(async () => (await bandOf(page)).headline).not.toBe("")
        if (state.log !== undefined) await page.locator(".log .l").first().waitFor()
        return page
      }
      for (const name of pictured) {
        const page = await openState(states[name])
        await picture(page, name, theme)
        await page.close()
      }
      const starting = await openState(states.running)
      await starting.getByRole("button", { name: "Start…" }).click()
      await starting.getByRole("dialog").waitFor()
      await picture(starting, "start", theme)
      await starting.close()
      const lost = await openState(states.running)
      looper.isDown = true
      await expect.poll(async () => (await bandOf(lost)).headline).toMatch(/^Looper does not answer/)
      await picture(lost, "unreachable", theme)
      looper.isDown = false
      looper.token = "secret"
      const closed = await open(looper.url, { nowMillis: now, theme })
      await closed.getByLabel("Token").waitFor()
      await picture(closed, "unauthorized", theme)
    })
  }
})
