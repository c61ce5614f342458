import { describe } from "vitest"
import { bandOf, footOf } from "./support/band.ts"
import { headerOnly, workingLog } from "./support/codexLog.ts"
import { refusal } from "./support/fakeAnswers.ts"
import { at, isoAt, now } from "./support/mockTime.ts"
import { endedRun, newRun } from "./support/runs.ts"
import { show } from "./support/show.ts"
import { states } from "./support/states.ts"
import { idleStatus, runningStatus } from "./support/statuses.ts"
import { expect, test } from "./support/test.ts"

describe("a stop, word for word", () => {
  test("asked, under way, done", async ({ looper, open }) => {
    const idle = idleStatus()
    const status = runningStatus({}, { autopoll: idle.autopoll })
    show(looper, { ...states.running, status })
    const stopped = Promise.withResolvers<undefined>()
    looper.answer(async ({ method, path }) => {
      if (method !== "POST" || path !== "/runs/3f9c21ab/stop") return undefined
      await stopped.promise
      const pids = { killed_codex_exec_pids: [48_213], remaining_codex_exec_pids: [] }
      return { body: { ok: true, request_id: "3f9c21ab", outcome: "stopped", ...pids } }
    })
    const page = await open(looper.url, { nowMillis: now })
    const height = () => page.locator(".now").evaluate((band) => band.getBoundingClientRect().height)
    await expect.poll(() => bandOf(page)).toEqual(states.running.band)
    const calm = await height()
    await page.getByRole("button", { name: "Stop", exact: true }).click()
    await expect
      .poll(() => bandOf(page))
      .toEqual({
        headline: "Running 1 h 12 m",
        sentence: "Stop this run? Its 3 processes get SIGTERM, after 5 s SIGKILL. Autopoll starts another by 13:58.",
        buttons: ["Keep running", "Stop 3f9c21ab"]
      })
    expect(await height()).toBe(calm)
    looper.nowMillis = now + 500
    await page.setClock(now + 500)
    await expect
      .poll(async () => {
        const button = page.getByRole("button", { name: "Stop 3f9c21ab" })
        if (await button.isVisible()) await button.click()
        return looper.of("POST /runs/3f9c21ab/stop").length
      })
      .toBe(1)
    looper.status = {
      ...status,
      run: { ...status.run!, process_count: 1 },
      holder: {
        request_id: "0badf00d",
        operation: "stop",
        step: "kill",
        since: isoAt("13:53:20.5"),
        delay_seconds: null,
        startup_check_seconds: null,
        steps: []
      }
    }
    looper.nowMillis = now + 2_500
    await page.setClock(now + 2_500)
    await expect
      .poll(() => bandOf(page), { timeout: 5_000 })
      .toEqual({
        headline: "Stopping 2 s",
        sentence: "2 of 3 processes are gone. SIGKILL in 3 s.",
        buttons: []
      })
    looper.status = idle
    looper.runs[0] = endedRun({
      state: "stopped",
      cause: "request",
      return_code: 143,
      ended_at: isoAt("13:53:23")
    })
    looper.nowMillis = at("13:53:35")
    await page.setClock(at("13:53:35"))
    stopped.resolve(undefined)
    await expect
      .poll(() => bandOf(page), { timeout: 5_000 })
      .toEqual({
        headline: "Stopped 12 s ago",
        sentence:
          "You stopped run 3f9c21ab from this page. 3 processes ended, none left. Autopoll starts the default prompt at 13:57:01.",
        buttons: ["Start…", "Start default now"]
      })
  })
})

describe("a Looper that is not there", () => {
  test("a stream that broke off says where it goes on", async ({ looper, open }) => {
    show(looper, states.running)
    looper.status = runningStatus({ last_output_at: isoAt("13:53:11") })
    const page = await open(looper.url, { nowMillis: now })
    const log = looper.log("3f9c21ab")
    await expect.poll(() => log.followers).toBe(1)
    looper.isStreamCut = true
    log.breakOff()
    await expect
      .poll(() => bandOf(page))
      .toEqual({
        headline: "Running 1 h 12 m",
        sentence: "Last output 9 s ago. The log stream broke off; it goes on at the byte where it stopped.",
        buttons: ["Start…", "Stop"]
      })
    const place = log.size.toLocaleString("en")
    await expect.poll(() => footOf(page)).toMatch(new RegExp(`^Reconnecting in \\d+ s, at byte ${place}$`))
    looper.isStreamCut = false
    await expect.poll(() => footOf(page), { timeout: 20_000 }).toBe("Following")
    expect(log.resumedAt.at(-1)).toBe(log.size)
  })

  test("unreachable: what is shown is old, and has lost its colour", async ({ looper, open }) => {
    show(looper, states.running)
    looper.nowMillis = at("13:52:48")
    const page = await open(looper.url, { nowMillis: at("13:52:48") })
    await expect.poll(async () => (await bandOf(page)).buttons).toEqual(["Start…", "Stop"])
    await page.locator(".log .l").first().waitFor()
    looper.isDown = true
    await expect
      .poll(() => bandOf(page), { timeout: 10_000 })
      .toMatchObject({ headline: "Looper does not answer since 13:52:48", buttons: ["Try now"] })
    await page.setClock(at("13:53:20"))
    await expect
      .poll(async () => (await bandOf(page)).sentence)
      .toMatch(
        /^Its run may go on: a run does not need Looper\. This is 32 s old\. Next try in \d+ s; the log goes on where it broke off\.$/
      )
    for (const part of [".runs", ".facts", ".log"]) {
      const filter = await page
        .locator(part)
        .first()
        .evaluate((element) => getComputedStyle(element).filter)
      expect(filter, part).toBe("grayscale(1)")
    }
    looper.isDown = false
    await page.getByRole("button", { name: "Try now" }).click()
    await expect
      .poll(() => bandOf(page), { timeout: 10_000 })
      .toMatchObject({ headline: "Running 1 h 12 m", buttons: ["Start…", "Stop"] })
    await expect.poll(() => footOf(page), { timeout: 20_000 }).toBe("Following")
  })

  for (const [onShutdown, fact] of [
    ["stop", "Looper is stopping and ends the run first."],
    ["leave", "Looper is stopping and leaves the run alive."]
  ] as const) {
    test(`shutting down (${onShutdown})`, async ({ looper, open }) => {
      show(looper, states.running)
      const page = await open(looper.url, { nowMillis: now })
      await expect.poll(async () => (await bandOf(page)).headline).toBe("Running 1 h 12 m")
      const fields = { deadline_at: isoAt("13:53:26"), on_shutdown: onShutdown }
      looper.answer(() => refusal(503, "shutting_down", "shutting down", fields))
      await expect
        .poll(() => bandOf(page), { timeout: 10_000 })
        .toEqual({
          headline: "Shutting down 6 s left",
          sentence: `${fact} It accepts nothing new. This page reconnects when it is back.`,
          buttons: ["Start…"]
        })
      expect(await page.getByRole("button", { name: "Start…" }).isDisabled()).toBe(true)
      looper.answer(undefined)
      await expect.poll(async () => (await bandOf(page)).headline, { timeout: 20_000 }).toBe("Running 1 h 12 m")
    })
  }

  test("a Looper that says in the log's stream that it stops, and goes", async ({ looper, open }) => {
    show(looper, states.running)
    const page = await open(looper.url, { nowMillis: now })
    const log = looper.log("3f9c21ab")
    await expect.poll(() => log.followers).toBe(1)
    const fields = { deadline_at: isoAt("13:53:26"), on_shutdown: "stop" }
    // Nothing else tells it.
    looper.answer(() => new Promise(() => undefined))
    log.say(`event: shutdown\ndata: ${JSON.stringify(fields)}\n\n`)
    await expect.poll(() => bandOf(page)).toMatchObject({ headline: "Shutting down 6 s left", buttons: ["Start…"] })
    looper.isDown = true
    await page.setClock(at("13:53:27"))
    await expect
      .poll(() => bandOf(page), { timeout: 10_000 })
      .toMatchObject({
        headline: "Looper does not answer since 13:53:27",
        sentence: expect.stringMatching(/^It was stopped, and was to end its run first\. /)
      })
  })

  test("forbidden: the answer's own words, and nothing to press", async ({ looper, open }) => {
    const error = "this Host is not allowed; see LOOPER_ALLOWED_HOSTS"
    looper.answer(() => refusal(403, "host_not_allowed", error))
    const page = await open(looper.url)
    await expect
      .poll(() => bandOf(page))
      .toEqual({ headline: "Not allowed from here", sentence: expect.stringMatching(error), buttons: [] })
  })
})

describe("places of the page", () => {
  test("a log that retention removed", async ({ looper, open }) => {
    show(looper, { ...states.idle, runs: [endedRun({ is_log_pruned: true })] })
    const page = await open(looper.url, { nowMillis: now })
    await page.getByText("This log was pruned by retention. Its record is kept.").waitFor()
  })

  test("a run that wrote nothing yet", async ({ looper, open }) => {
    show(looper, { ...states.running, log: headerOnly })
    const page = await open(looper.url, { nowMillis: now })
    await page.getByText("No output yet.").waitFor()
    looper.log("3f9c21ab").append("OpenAI Codex v0.163.0\n")
    await page.getByText("OpenAI Codex v0.163.0").waitFor()
    expect(await page.getByText("No output yet.").isVisible()).toBe(false)
  })

  test("an empty history tells what a start would do", async ({ looper, open }) => {
    show(looper, states.empty)
    const page = await open(looper.url, { nowMillis: now })
    await page.getByText("Nothing has run yet", { exact: true }).waitFor()
    const blank = await page.locator("main").innerText()
    expect(blank).toContain("Take the next open item in TASKS.md.")
    expect(blank).toMatch(/curl -sS (http:\/\/)?127\.0\.0\.1:\d+\/run/)
    expect(blank).toContain(`${new URL(looper.url).host}/run`)
    expect(blank).toContain("looper doctor")
    expect(await page.locator(".runs").innerText()).toContain("Runs appear here, newest first.")
  })

  test("a start shows its steps as they happen", async ({ looper, open }) => {
    show(looper, states.starting)
    const page = await open(looper.url, { nowMillis: states.starting.nowMillis })
    const steps = page.locator(".steps li b")
    await expect
      .poll(() => steps.allInnerTexts())
      .toEqual([
        "Checked the request",
        "Announced on Zulip",
        expect.stringMatching(/^Stopped/),
        "Waiting before launch",
        "Launch codex",
        "Watch it for 1 s"
      ])
    await expect
      .poll(() => page.locator(".facts .pr p").innerText())
      .toMatch(/^Take the next open item in TASKS\.md\. /)
    const details = await page.locator(".steps li small").allInnerTexts()
    expect(details).toEqual([
      "/srv/verifycad, /usr/local/bin/codex",
      "stream coding, topic verified-cad, message 91402",
      "pid 48213 and 2 more, SIGTERM"
    ])
    const times = await page.locator(".steps .took").allInnerTexts()
    expect(times.slice(0, 3)).toEqual(["4 ms", "612 ms", "1.88 s"])
    await page
      .getByText("You can close this page: the sequence belongs to Looper, not to the browser.")
      .waitFor({ timeout: 2_000 })
  })

  test("an old run is read while the band tells of the new one", async ({ looper, open }) => {
    show(looper, states.running)
    const [, old] = looper.runs
    looper.log(old!.request_id).append("what the old one said\n")
    const page = await open(looper.url, { nowMillis: now, path: `/?run=${old!.request_id}` })
    await page.getByText("what the old one said").waitFor()
    await expect.poll(async () => (await bandOf(page)).headline).toBe("Running 1 h 12 m")
    await page.getByRole("button", { name: "Go to it" }).click()
    await page.getByText("Green. Now the full kernel").waitFor()
    expect(new URL(page.url()).search).not.toContain(old!.request_id)
  })

  test("the next run is shown to who followed, and offered to who read", async ({ looper, open }) => {
    show(looper, { ...states.running, log: workingLog(20) })
    const page = await open(looper.url, { nowMillis: now })
    await expect.poll(() => footOf(page)).toBe("Following")
    const start = (id: string) => {
      const [before] = looper.runs
      looper.runs[0] = endedRun({ request_id: before!.request_id })
      looper.runs.unshift(newRun({ request_id: id, started_at: isoAt("13:53:10") }))
      looper.log(before!.request_id).finish({ state: "succeeded", return_code: 0, cause: "exited" })
      looper.log(id).append(`${workingLog(20)}this is run ${id}\n`)
      looper.status = runningStatus({ request_id: id, started_at: isoAt("13:53:10") })
    }
    start("4a000001")
    await page.getByText("this is run 4a000001").waitFor()
    await page.locator(".log").hover()
    await page.mouse.wheel(0, -600)
    await expect.poll(() => footOf(page)).toBe("Paused by scrolling")
    start("4a000002")
    const chip = page.getByText("Run 4a000002 has started, go to it")
    await chip.waitFor()
    expect(await page.getByText("this is run 4a000002").count()).toBe(0)
    await chip.click()
    await page.getByText("this is run 4a000002").waitFor()
  })

  test("title and mark tell the state without colour", async ({ looper, open }) => {
    show(looper, states.running)
    const page = await open(looper.url, { nowMillis: now })
    await expect.poll(() => page.title()).toBe("Running 1 h 12 m · Looper")
    const mark = () => page.locator(".now h1 svg").evaluate((svg) => svg.innerHTML)
    const icon = () => page.locator("link[rel~=icon]").getAttribute("href")
    const [running, runningIcon] = [await mark(), await icon()]
    looper.runs[0] = endedRun({ state: "failed", return_code: 1, reason: "no", ended_at: isoAt("13:53:10") })
    looper.status = idleStatus()
    await expect.poll(() => page.title(), { timeout: 5_000 }).toMatch(/^Failed .*· Looper$/)
    expect(await mark()).not.toBe(running)
    expect(await icon()).not.toBe(runningIcon)
  })
})
