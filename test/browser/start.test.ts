import { describe } from "vitest"
import type { Locator } from "playwright-core"
import { refusal } from "./support/fakeAnswers.ts"
import type { FakeLooper } from "./support/FakeLooper.ts"
import { isoAt, now } from "./support/mockTime.ts"
import { show } from "./support/show.ts"
import { states } from "./support/states.ts"
import { defaultPrompt } from "./support/statuses.ts"
import { expect, type Opened, test, sizes } from "./support/test.ts"

const started = { body: { ok: true, request_id: "b81e04d7", codex_exec_started: true, codex_exec_result: null } }

/** Every POST is answered like this one. */
const answerPosts = (looper: FakeLooper, said: Parameters<typeof refusal>[0] | "started", ...rest: Array<unknown>) => {
  const [code = "", error = "", fields = {}] = rest as [string?, string?, object?]
  looper.answer(({ method }) =>
    method !== "POST" ? undefined : said === "started" ? started : refusal(said, code, error, fields)
  )
}

const openForm = async (page: Opened): Promise<Locator> => {
  await page.getByRole("button", { name: "Start…" }).click()
  const form = page.getByRole("dialog")
  await form.waitFor()
  return form
}

/** What was asked to be done: a `dry_run` does nothing. */
const posts = (looper: FakeLooper) =>
  looper.asked.filter(({ method, body }) => method === "POST" && body?.dry_run !== true)
const field = (form: Locator, label: string) => form.getByLabel(label)

describe("Start a run", () => {
  test("is filled with the default prompt and says where that comes from", async ({ looper, open }) => {
    show(looper, states.idle)
    const form = await openForm(await open(looper.url, { nowMillis: now }))
    await expect.poll(() => field(form, "Prompt").inputValue()).toBe(defaultPrompt)
    expect(await form.innerText()).toContain("default, from prompts/default.md")
    expect(await field(form, "Prompt").evaluate((area) => area === document.activeElement)).toBe(true)
    expect(await form.getByRole("tab").allInnerTexts()).toEqual(["Start a run", "Announce only"])
    expect(await form.getByRole("button", { name: "Start", exact: true }).isVisible()).toBe(true)
  })

  test("with a message is POST /run, with all that the form says", async ({ looper, open }) => {
    show(looper, states.idle)
    answerPosts(looper, "started")
    const page = await open(looper.url)
    const form = await openForm(page)
    await field(form, "Prompt").fill("Do the next thing.")
    await field(form, "Message").fill("Fresh run by hand.")
    await field(form, "Workspace").fill("/srv/other")
    await field(form, "Delay").fill("2.5")
    await form.getByRole("button", { name: "Start", exact: true }).click()
    await expect.poll(() => posts(looper).map(({ path }) => path)).toEqual(["/run"])
    const [asked] = posts(looper)
    expect(asked!.body).toMatchObject({
      codex_prompt: "Do the next thing.",
      zulip_message: "Fresh run by hand.",
      workspace: "/srv/other"
    })
    expect(Number(asked!.body!.codex_exec_delay_seconds)).toBe(2.5)
    expect(asked!.headers["idempotency-key"]).toMatch(/^[\u0021-\u007e]{8,255}$/)
    await form.waitFor({ state: "hidden" })
  })

  test("without a message is POST /spawn", async ({ looper, open }) => {
    show(looper, states.idle)
    answerPosts(looper, "started")
    const form = await openForm(await open(looper.url))
    await form.getByRole("button", { name: "Start", exact: true }).click()
    await expect.poll(() => posts(looper).map(({ path }) => path)).toEqual(["/spawn"])
    expect(posts(looper)[0]!.body).not.toHaveProperty("zulip_message")
  })

  test("says whom it stops, and stops first where there is no message", async ({ looper, open }) => {
    show(looper, states.running)
    looper.answer(({ method, path, body }) => {
      if (method !== "POST" || body?.dry_run === true) return undefined
      if (path !== "/runs/3f9c21ab/stop") return started
      looper.status = states.idle.status
      const pids = { killed_codex_exec_pids: [48_213], remaining_codex_exec_pids: [] }
      return { body: { ok: true, outcome: "stopped", ...pids } }
    })
    const form = await openForm(await open(looper.url, { nowMillis: now }))
    await form
      .getByText("This stops run 3f9c21ab, which has worked for 1 h 12 m and wrote 4 s ago.")
      .waitFor({ timeout: 3_000 })
    await form.getByRole("button", { name: "Stop it and start" }).click()
    await expect.poll(() => posts(looper).map(({ path }) => path)).toEqual(["/runs/3f9c21ab/stop", "/spawn"])
    // What would be refused is tried before anything is stopped.
    const all = looper.asked.filter(({ method }) => method === "POST")
    expect(all.map(({ path, body }) => (body?.dry_run === true ? `${path} dry` : path))).toEqual([
      "/run dry",
      "/runs/3f9c21ab/stop",
      "/spawn"
    ])
  })

  test("refuses an empty prompt here", async ({ looper, open }) => {
    show(looper, states.idle)
    answerPosts(looper, "started")
    const form = await openForm(await open(looper.url))
    await field(form, "Message").fill("only this")
    await field(form, "Prompt").fill("  ")
    await form.getByRole("button", { name: "Start", exact: true }).click()
    await expect.poll(() => field(form, "Prompt").getAttribute("aria-invalid")).toBe("true")
    expect(posts(looper)).toEqual([])
  })

  test("says who else starts, and keeps the text", async ({ looper, open }) => {
    show(looper, states.idle)
    const holder = { request_id: "b81e04d7", step: "kill", since: isoAt("13:53:18") }
    answerPosts(looper, 409, "run_busy", "busy: another run is in progress", { holder })
    const form = await openForm(await open(looper.url, { nowMillis: now }))
    await field(form, "Message").fill("Mine.")
    await field(form, "Prompt").fill("My long text.")
    await form.getByRole("button", { name: "Start", exact: true }).click()
    await form
      .getByText(
        /Another start is under way \(request b81e04d7, step kill(Codex)?, 2 s\)\. Nothing was changed\. Your text is kept\./
      )
      .waitFor()
    expect(await field(form, "Prompt").inputValue()).toBe("My long text.")
    expect(await field(form, "Message").inputValue()).toBe("Mine.")
  })

  for (const [label, error] of [
    ["Workspace", "'workspace' must be a string"],
    ["Delay", "'codex_exec_delay_seconds' must be a number"],
    ["Prompt", "'codex_prompt' must be at most 131071 bytes long"]
  ] as const) {
    test(`shows a 400 at ${label}`, async ({ looper, open }) => {
      show(looper, states.idle)
      answerPosts(looper, 400, "invalid_request", error)
      const form = await openForm(await open(looper.url))
      await field(form, "Message").fill("m")
      await form.getByRole("button", { name: "Start", exact: true }).click()
      await expect.poll(() => field(form, label).getAttribute("aria-invalid")).toBe("true")
      const described = await field(form, label).evaluate((input) =>
        (input.getAttribute("aria-describedby") ?? "")
          .split(" ")
          .map((id) => document.getElementById(id)?.textContent ?? "")
          .join(" ")
      )
      expect(described).toContain(error.slice(error.indexOf(" must")).trim())
      expect(await form.locator("[aria-invalid=true]").count()).toBe(1)
    })
  }

  test("keeps its key for a retry of the same text, and takes another for another", async ({ looper, open }) => {
    show(looper, states.idle)
    const page = await open(looper.url)
    const form = await openForm(page)
    const keys = () => looper.of("POST /run").map(({ headers }) => headers["idempotency-key"])
    const press = () => form.getByRole("button", { name: "Start", exact: true }).click()
    await field(form, "Message").fill("m")
    // The answer never comes back whole.
    looper.answer(({ method }) => {
      if (method === "POST") setTimeout(() => (looper.isDown = true))
      return method === "POST" ? new Promise<undefined>(() => {}) : undefined
    })
    await press()
    // Chromium itself sends a request again whose kept connection is reset: only once that failed too is nothing under way.
    await form.getByText(/Looper did not answer/).waitFor()
    expect(keys().length).toBe(1)
    looper.isDown = false
    answerPosts(looper, 409, "run_busy", "busy: another run is in progress", {
      holder: { request_id: "b81e04d7", step: "kill", since: isoAt("13:53:18") }
    })
    await expect.poll(() => form.getByRole("button", { name: "Start", exact: true }).isEnabled()).toBe(true)
    await press()
    await expect.poll(() => keys().length).toBe(2)
    expect(keys()[1]).toBe(keys()[0])
    await form.getByText(/Another start is under way/).waitFor()
    await field(form, "Prompt").fill("Another text.")
    await press()
    await expect.poll(() => keys().length).toBe(3)
    expect(keys()[2]).not.toBe(keys()[0])
  })

  test("has what was typed and sent before a reload, and the key of what got no answer", async ({ looper, open }) => {
    show(looper, states.idle)
    const page = await open(looper.url)
    const form = await openForm(page)
    const keys = () => looper.of("POST /run").map(({ headers }) => headers["idempotency-key"])
    const press = () => form.getByRole("button", { name: "Start", exact: true }).click()
    await field(form, "Message").fill("m")
    looper.answer(({ method }) => (method === "POST" ? new Promise<undefined>(() => {}) : undefined))
    await press()
    await expect.poll(() => keys().length).toBe(1)
    await page.reload()
    answerPosts(looper, "started")
    await openForm(page)
    expect(await field(form, "Message").inputValue()).toBe("m")
    await press()
    await form.waitFor({ state: "hidden" })
    expect(keys()).toEqual([keys()[0], keys()[0]])
    // Answered: the same again is another request.
    await openForm(page)
    await field(form, "Message").fill("m2")
    await page.reload()
    await openForm(page)
    expect(await field(form, "Message").inputValue()).toBe("m2")
    await field(form, "Message").fill("m")
    await press()
    await expect.poll(() => keys().length).toBe(3)
    expect(keys()[2]).not.toBe(keys()[0])
  })

  test("remembers message, workspace and delay; of the prompt only what was changed", async ({ looper, open }) => {
    show(looper, states.idle)
    answerPosts(looper, "started")
    const page = await open(looper.url)
    const form = await openForm(page)
    await field(form, "Message").fill("Again.")
    await field(form, "Workspace").fill("/srv/other")
    await field(form, "Delay").fill("7")
    await form.getByRole("button", { name: "Start", exact: true }).click()
    await form.waitFor({ state: "hidden" })
    await page.reload()
    const again = await openForm(page)
    expect(await field(again, "Message").inputValue()).toBe("Again.")
    expect(await field(again, "Workspace").inputValue()).toBe("/srv/other")
    expect(await field(again, "Delay").inputValue()).toBe("7")
    expect(await field(again, "Prompt").inputValue()).toBe(defaultPrompt)
    const stored = await page.evaluate(() => JSON.stringify({ ...localStorage }))
    expect(stored).not.toContain("Take the next open item")
    await field(again, "Prompt").fill("My own words.")
    await again.getByRole("button", { name: "Start", exact: true }).click()
    await again.waitFor({ state: "hidden" })
    await page.reload()
    expect(await field(await openForm(page), "Prompt").inputValue()).toBe("My own words.")
  })
})

describe("Announce only", () => {
  test("sends the message and starts nothing", async ({ looper, open }) => {
    show(looper, states.running)
    looper.answer(({ method }) =>
      method === "POST" ? { body: { ok: true, zulip_output: "OK message_id=91402 type=stream" } } : undefined
    )
    const form = await openForm(await open(looper.url))
    await form.getByRole("tab", { name: "Announce only" }).click()
    await expect
      .poll(() => form.innerText())
      .toContain("To stream coding, topic verified-cad. Nothing is stopped, nothing starts.")
    await field(form, "Message").fill("Hello all.")
    await form.getByRole("button", { name: "Announce", exact: true }).click()
    await expect.poll(() => posts(looper).map(({ path }) => path)).toEqual(["/notify"])
    expect(posts(looper)[0]!.body).toEqual({ zulip_message: "Hello all." })
  })

  test("is reached by the arrow keys of a row of tabs", async ({ looper, open }) => {
    show(looper, states.idle)
    const page = await open(looper.url)
    const form = await openForm(page)
    await form.getByRole("tab", { name: "Start a run" }).focus()
    await page.keyboard.press("ArrowRight")
    await expect.poll(() => form.getByRole("tab", { selected: true }).innerText()).toBe("Announce only")
    await page.keyboard.press("Escape")
    await form.waitFor({ state: "hidden" })
  })
})

describe("autopoll", () => {
  test("Start default now is a start, Check now a tick, and both say what came of it", async ({ looper, open }) => {
    show(looper, states.idle)
    looper.answer(({ method, path }) => {
      if (method !== "POST") return undefined
      return path === "/spawn"
        ? { body: { ok: true, request_id: "b81e04d7" } }
        : { body: { ok: true, outcome: "skipped", reason: "alive_tasks" } }
    })
    const page = await open(looper.url)
    await page.getByRole("button", { name: "Start default now" }).click()
    await page.locator(".poll").getByText("Started run b81e04d7.").waitFor()
    await page.getByRole("button", { name: "Check now" }).click()
    await page.locator(".poll").getByText("Skipped: a codex exec is alive.").waitFor()
    expect(posts(looper).map(({ path }) => path)).toEqual(["/spawn", "/autopoll/tick"])
  })

  test("an answer to a button is seen where the left column is not", async ({ looper, open }) => {
    show(looper, states.idle)
    looper.answer(({ method }) => (method === "POST" ? { body: { ok: true, request_id: "b81e04d7" } } : undefined))
    const page = await open(looper.url, { size: sizes.narrow })
    await page.getByRole("button", { name: "Start default now" }).click()
    await expect.poll(() => page.getByText("Started run b81e04d7.").filter({ visible: true }).count()).toBe(1)
  })

  test("is paused and resumed", async ({ looper, open }) => {
    show(looper, states.idle)
    looper.answer(({ method, path }) => {
      if (method !== "POST") return undefined
      const isPaused = path === "/autopoll/pause"
      looper.status = isPaused ? states.paused.status : states.idle.status
      return { body: { ok: true, paused: isPaused } }
    })
    const page = await open(looper.url)
    const box = page.locator(".poll")
    await box.getByRole("button", { name: "Pause" }).click()
    await box.getByRole("button", { name: "Resume" }).click()
    await box.getByRole("button", { name: "Pause" }).waitFor()
    expect(posts(looper).map(({ path }) => path)).toEqual(["/autopoll/pause", "/autopoll/resume"])
  })
})
