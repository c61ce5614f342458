import { join } from "node:path"
import { describe, inject } from "vitest"
import { bandOf } from "./support/band.ts"
import { at, isoAt, now } from "./support/mockTime.ts"
import { endedRun } from "./support/runs.ts"
import { show } from "./support/show.ts"
import { pictured, type State, states } from "./support/states.ts"
import { idleStatus } from "./support/statuses.ts"
import { expect, type Opened, sizes, test } from "./support/test.ts"

type Size = (typeof sizes)[keyof typeof sizes]

const artefacts = inject("artefacts")

const picture = async (page: Opened, name: string, theme: string, all: ReadonlyArray<Size> = Object.values(sizes)) => {
  await page.evaluate(() => document.fonts.ready)
  for (const size of all) {
    await page.setViewportSize(size)
    await page.screenshot({ path: join(artefacts, `page-${name}-${theme}-${size.width}x${size.height}.png`) })
  }
}

/** Named as the design's pictures are, with `page` for `mock`. */
describe("pictures of the page", () => {
  for (const theme of ["light", "dark"] as const) {
    test(`${theme}, wide and narrow`, async ({ looper, open }) => {
      const openState = async (state: State, size: Size = sizes.wide): Promise<Opened> => {
        show(looper, state)
        const page = await open(looper.url, { nowMillis: state.nowMillis ?? now, theme, size })
        await expect.poll(async () => (await bandOf(page)).headline).not.toBe("")
        if (state.log !== undefined) await page.locator(".facts .pr p:not(.q)").waitFor()
        // Before its launch a run has steps in the place of its log.
        if (state.log !== undefined && state !== states.starting) await page.locator(".log .l").first().waitFor()
        return page
      }
      for (const name of pictured) {
        for (const size of Object.values(sizes)) {
          const page = await openState(states[name], size)
          await picture(page, name, theme, [size])
          await page.close()
        }
      }
      const starting = await openState(states.running)
      await starting.getByRole("button", { name: "Start…" }).click()
      await starting.getByRole("dialog").waitFor()
      await picture(starting, "start", theme)
      await starting.close()
      const stopping = await openState(states.running)
      await stopping.getByRole("button", { name: "Stop", exact: true }).click()
      await picture(stopping, "stopasked", theme)
      looper.answer(({ method }) => {
        if (method !== "POST") return undefined
        looper.status = idleStatus()
        looper.runs[0] = endedRun({ state: "stopped", cause: "request", return_code: 143, ended_at: isoAt("13:53:20") })
        const pids = { killed_codex_exec_pids: [48_213], remaining_codex_exec_pids: [] }
        return { body: { ok: true, request_id: "3f9c21ab", outcome: "stopped", ...pids } }
      })
      looper.nowMillis = at("13:53:21")
      await stopping.setClock(at("13:53:21"))
      await stopping.getByRole("button", { name: "Stop 3f9c21ab" }).click()
      await expect.poll(async () => (await bandOf(stopping)).headline).toMatch(/^Stopped/)
      await picture(stopping, "stopped", theme)
      await stopping.close()
      looper.answer(undefined)
      const lost = await openState(states.running)
      looper.isDown = true
      await expect.poll(async () => (await bandOf(lost)).headline).toMatch(/^Looper does not answer/)
      await picture(lost, "unreachable", theme)
      looper.isDown = false
      looper.token = "secret"
      const closed = await open(looper.url, { nowMillis: now, theme })
      await closed.getByLabel("Token").waitFor()
      await picture(closed, "unauthorized", theme)
    }, 180_000)
  }
})
