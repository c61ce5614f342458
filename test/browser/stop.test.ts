import { beforeEach } from "vitest"
import type { Opened } from "./support/test.ts"
import { bandOf } from "./support/band.ts"
import type { FakeLooper } from "./support/FakeLooper.ts"
import { newRun } from "./support/runs.ts"
import { states } from "./support/states.ts"
import { show } from "./support/show.ts"
import { runningStatus } from "./support/statuses.ts"
import { expect, test } from "./support/test.ts"

const stops = (looper: FakeLooper): ReadonlyArray<string> =>
  looper.asked.filter(({ method, path }) => method === "POST" && path.endsWith("/stop")).map(({ path }) => path)

const stopButton = (page: Opened) => page.getByRole("button", { name: "Stop", exact: true })
const confirmButton = (page: Opened) => page.getByRole("button", { name: "Stop 3f9c21ab" })

beforeEach<{ looper: FakeLooper }>(({ looper }) => {
  show(looper, states.running)
  looper.nowMillis = undefined
  looper.answer(({ method, path }) => {
    const [, id] = /^\/runs\/(.*)\/stop$/.exec(path) ?? []
    if (method !== "POST" || id === undefined) return undefined
    const pids = { killed_codex_exec_pids: [48_213], remaining_codex_exec_pids: [] }
    return { body: { ok: true, request_id: id, outcome: "stopped", ...pids } }
  })
})

/** Presses until the request comes: the button is deaf at first. */
const confirm = (page: Opened, looper: FakeLooper) =>
  expect
    .poll(async () => {
      if (await confirmButton(page).isVisible()) await confirmButton(page).click()
      return stops(looper)
    })
    .toEqual(["/runs/3f9c21ab/stop"])

test("the second click stops the run that is shown, once", async ({ looper, open }) => {
  const page = await open(looper.url)
  await stopButton(page).click()
  expect(stops(looper)).toEqual([])
  await confirm(page, looper)
  expect(stops(looper)).toEqual(["/runs/3f9c21ab/stop"])
})

test("the armed button stands where Stop stood and is deaf to the second half of a double click", async ({
  looper,
  open
}) => {
  const page = await open(looper.url)
  const before = await stopButton(page).boundingBox()
  await stopButton(page).dblclick()
  await confirmButton(page).waitFor()
  const armed = await confirmButton(page).boundingBox()
  expect(armed!.x + armed!.width).toBeCloseTo(before!.x + before!.width, 0)
  expect(armed!.y).toBeCloseTo(before!.y, 0)
  expect(stops(looper)).toEqual([])
  await confirm(page, looper)
})

test("Keep running, Escape and five seconds disarm", async ({ looper, open }) => {
  const page = await open(looper.url)
  await stopButton(page).click()
  await page.getByRole("button", { name: "Keep running" }).click()
  await stopButton(page).click()
  await confirmButton(page).waitFor()
  await page.keyboard.press("Escape")
  await stopButton(page).click()
  await confirmButton(page).waitFor()
  await stopButton(page).waitFor({ timeout: 15_000 })
  expect(stops(looper)).toEqual([])
})

test("a run that was started meanwhile is never hit", async ({ looper, open }) => {
  const page = await open(looper.url)
  await stopButton(page).click()
  await confirmButton(page).waitFor()
  looper.runs.unshift(newRun({ request_id: "5b000001" }))
  looper.status = runningStatus({ request_id: "5b000001" })
  await expect
    .poll(
      async () => {
        const { buttons } = await bandOf(page)
        if (buttons.includes("Stop 3f9c21ab")) await confirmButton(page).click({ timeout: 1_000 })
        return stops(looper).length > 0 || buttons.includes("Stop")
      },
      { timeout: 15_000 }
    )
    .toBe(true)
  expect(stops(looper).filter((path) => path.includes("5b000001"))).toEqual([])
})

test("x, then Enter, without a mouse", async ({ looper, open }) => {
  const page = await open(looper.url)
  await stopButton(page).waitFor()
  await page.keyboard.press("x")
  await confirmButton(page).waitFor()
  await expect
    .poll(async () => {
      await page.keyboard.press("Enter")
      return stops(looper)
    })
    .toEqual(["/runs/3f9c21ab/stop"])
})

test("a start that waits is cancelled by its own id", async ({ looper, open }) => {
  show(looper, states.starting)
  looper.nowMillis = undefined
  const page = await open(looper.url)
  await page.getByRole("button", { name: "Cancel" }).click()
  await expect.poll(() => stops(looper)).toEqual(["/runs/b81e04d7/stop"])
})

test("a stop that leaves somebody alive says who", async ({ looper, open }) => {
  looper.answer(({ method, path }) =>
    method === "POST" && path.endsWith("/stop")
      ? {
          status: 500,
          body: {
            ok: false,
            error: "codex exec processes survived: 48240",
            code: "survivors_left",
            request_id: "0badf00d",
            step: "kill",
            killed_codex_exec_pids: [48_213],
            remaining_codex_exec_pids: [48_240]
          }
        }
      : undefined
  )
  const page = await open(looper.url)
  await stopButton(page).click()
  await confirm(page, looper)
  await page.getByText(/48240/).first().waitFor()
})
