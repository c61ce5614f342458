import { describe } from "vitest"
import { findings } from "./support/axe.ts"
import { bandOf, footOf } from "./support/band.ts"
import { numberedLines } from "./support/codexLog.ts"
import { refusal } from "./support/fakeAnswers.ts"
import type { FakeLooper } from "./support/FakeLooper.ts"
import { now } from "./support/mockTime.ts"
import { show } from "./support/show.ts"
import { type State, states } from "./support/states.ts"
import { expect, type Opened, sizes, test } from "./support/test.ts"

/** Waits until the state is seen, and what belongs to it is loaded. */
const seen = async (page: Opened) => {
  await expect.poll(async () => (await bandOf(page)).headline).not.toBe("")
  await page.evaluate(() => document.fonts.ready)
}

const hasNoSidewaysScroll = (page: Opened) =>
  page.evaluate(() => {
    const { scrollWidth } = document.documentElement
    return { scrollWidth, fits: scrollWidth <= innerWidth && document.body.scrollWidth <= innerWidth }
  })

const cutButtons = (page: Opened) =>
  page.getByRole("button").evaluateAll((buttons) =>
    buttons
      .filter((button) => {
        const { left, right, width } = button.getBoundingClientRect()
        return width > 0 && (left < -1 || right > innerWidth + 1)
      })
      .map((button) => button.textContent?.trim())
  )

const forbid = (looper: FakeLooper) => looper.answer(() => refusal(403, "host_not_allowed", "this Host is not allowed"))

const escape = "\u001b["
const colours = [30, 31, 32, 33, 34, 35, 36, 37].map((code) => `${escape}${code}m`)
const colouredLog = [
  ...colours.flatMap((colour) => [`${colour}plain ${escape}2mdim ${escape}7mturned${escape}0m`]),
  `${escape}2mdim${escape}0m ${escape}1mbold${escape}0m`,
  "x".repeat(3_000),
  "exec",
  "/bin/bash -lc 'ls' in /srv",
  " exited 1 in 21408ms:",
  "output",
  "ERROR: no",
  "",
  "codex",
  "words",
  ""
].join("\n")
const coloured: State = { ...states.running, log: colouredLog }

/** Every look that has parts of its own. */
const looks: Readonly<Record<string, { state: State; after?: (page: Opened) => Promise<unknown> }>> = {
  running: { state: states.running },
  silent: { state: states.silent },
  starting: { state: states.starting },
  "not started": { state: states.stepfail },
  idle: { state: states.idle },
  failed: { state: states.failed },
  "backing off": { state: states.backoff },
  empty: { state: states.empty },
  "colours and a long line": { state: coloured, after: (page) => page.locator(".log .l .i").waitFor() },
  "marked lines": {
    state: coloured,
    after: async (page) => {
      const numbers = page.locator(".log .l > a")
      await numbers.first().click()
      await numbers.last().click({ modifiers: ["Shift"] })
      await page.mouse.move(0, 0)
    }
  },
  "stop asked": {
    state: states.running,
    after: (page) => page.getByRole("button", { name: "Stop", exact: true }).click()
  },
  "start dialog": {
    state: states.running,
    after: async (page) => {
      await page.getByRole("button", { name: "Start…" }).click()
      await page.getByRole("dialog").waitFor()
    }
  },
  "announce dialog": {
    state: states.running,
    after: async (page) => {
      await page.getByRole("button", { name: "Start…" }).click()
      await page.getByRole("tab", { name: "Announce only" }).click()
    }
  },
  keys: {
    state: states.running,
    after: async (page) => {
      await page.keyboard.press("?")
      await page.getByRole("dialog").waitFor()
    }
  }
}

describe("no finding of axe, and nothing scrolled sideways or cut at 390 pixels", () => {
  for (const theme of ["light", "dark"] as const) {
    for (const [name, { state, after }] of Object.entries(looks)) {
      test(`${name}, ${theme}`, async ({ looper, open }) => {
        show(looper, state)
        const page = await open(looper.url, { nowMillis: state.nowMillis ?? now, theme })
        await seen(page)
        await after?.(page)
        expect(await findings(page)).toEqual([])
        await page.setViewportSize(sizes.narrow)
        await expect.poll(() => hasNoSidewaysScroll(page)).toMatchObject({ fits: true })
        await expect.poll(() => cutButtons(page), { message: "buttons beyond the edge" }).toEqual([])
      })
    }

    test(`token and forbidden, ${theme}`, async ({ looper, open }) => {
      looper.token = "secret"
      const page = await open(looper.url, { theme })
      await page.getByLabel("Token").waitFor()
      expect(await findings(page)).toEqual([])
      forbid(looper)
      const refused = await open(looper.url, { theme })
      await expect.poll(async () => (await bandOf(refused)).headline).toBe("Not allowed from here")
      expect(await findings(refused)).toEqual([])
    })

    test(`narrow, ${theme}`, async ({ looper, open }) => {
      show(looper, states.running)
      const page = await open(looper.url, { nowMillis: now, theme, size: sizes.narrow })
      await seen(page)
      expect(await findings(page)).toEqual([])
      await page.getByRole("tab", { name: "Runs" }).click()
      expect(await findings(page)).toEqual([])
    })
  }
})

/** Of each fill and line of the chart against the column that it stands on. */
const chartContrasts = (page: Opened) =>
  page.locator(".chart svg :is(.full, .hollow, path)").evaluateAll((parts) => {
    const canvas = document.createElement("canvas").getContext("2d") as CanvasRenderingContext2D
    const luminance = () => {
      const [red = 0, green = 0, blue = 0] = [...canvas.getImageData(0, 0, 1, 1).data].map((byte) => {
        const part = byte / 255
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
      })
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
    const paint = (colour: string, alpha = 1) => {
      canvas.globalAlpha = alpha
      canvas.fillStyle = colour
      canvas.fillRect(0, 0, 1, 1)
      return luminance()
    }
    return parts.map((part) => {
      const { fill, stroke, opacity } = getComputedStyle(part)
      const ground = paint(getComputedStyle(part.closest(".runs") as Element).backgroundColor)
      const drawn = paint(fill === "none" ? stroke : fill, Number(opacity))
      return (Math.max(ground, drawn) + 0.05) / (Math.min(ground, drawn) + 0.05)
    })
  })

test("the chart's bars are seen in both themes", async ({ looper, open }) => {
  show(looper, states.failed)
  for (const theme of ["light", "dark"] as const) {
    const page = await open(looper.url, { nowMillis: now, theme })
    await page.locator(".chart path").first().waitFor()
    const contrasts = await chartContrasts(page)
    expect(contrasts.length).toBeGreaterThan(40)
    expect(Math.min(...contrasts), theme).toBeGreaterThanOrEqual(3)
  }
})

describe("390 pixels", () => {
  test("Log and Runs are tabs, and everything is at hand", async ({ looper, open }) => {
    show(looper, states.running)
    const page = await open(looper.url, { nowMillis: now, size: sizes.narrow, hasTouch: true })
    await seen(page)
    await page.locator(".log .l").first().waitFor()
    expect(await page.locator(".list").isVisible()).toBe(false)
    expect(await page.getByRole("button", { name: "Wrap" }).getAttribute("aria-pressed")).toBe("true")
    await page.getByRole("tab", { name: "Runs" }).click()
    await page.locator(".list").waitFor()
    await page.locator(".log").waitFor({ state: "hidden" })
    expect(await hasNoSidewaysScroll(page)).toMatchObject({ fits: true })
    await page.getByRole("tab", { name: "Log" }).click()
    await page.getByRole("button", { name: "More" }).click()
    for (const name of ["Copy link", "Download"]) await page.getByText(name).filter({ visible: true }).waitFor()
    const more = page.getByRole("toolbar", { name: "More of the log" })
    expect(await more.locator(".m").innerText()).toMatch(/^pid 48213, log \d[\d.]* kB$/)
    await more.getByRole("button", { name: "Whole prompt" }).click()
    await page.getByRole("heading", { name: "Prompt of run 3f9c21ab" }).waitFor()
  })

  test("lines are wrapped, whatever was chosen in a wide window", async ({ looper, open }) => {
    show(looper, states.running)
    const page = await open(looper.url, { nowMillis: now })
    const pressed = () => page.getByRole("button", { name: "Wrap" }).getAttribute("aria-pressed")
    await expect.poll(pressed).toBe("false")
    for (const wide of ["true", "false"]) {
      await page.keyboard.press("w")
      await expect.poll(pressed).toBe(wide)
    }
    await page.setViewportSize(sizes.narrow)
    await expect.poll(pressed).toBe("true")
    await page.keyboard.press("w")
    await page.reload()
    await expect.poll(pressed).toBe("false")
    await page.keyboard.press("w")
    await page.setViewportSize(sizes.wide)
    await expect.poll(pressed).toBe("false")
  })

  test("while finding, the field takes the whole bar", async ({ looper, open }) => {
    show(looper, states.running)
    const page = await open(looper.url, { nowMillis: now, size: sizes.narrow, hasTouch: true })
    await seen(page)
    const field = page.getByRole("searchbox", { name: "Find in log" })
    expect((await field.boundingBox())?.height).toBeGreaterThanOrEqual(36)
    await page.getByRole("button", { name: "Wrap" }).waitFor()
    await field.fill("kernel")
    await page.getByRole("button", { name: "Next match" }).waitFor()
    for (const name of ["Wrap", "More"]) await page.getByRole("button", { name }).waitFor({ state: "hidden" })
    const right = await page.locator(".find").evaluate((find) => find.getBoundingClientRect().right)
    expect(right).toBeGreaterThan(sizes.narrow.width - 20)
  })

  test("what is touched is large enough", async ({ looper, open }) => {
    show(looper, states.running)
    const page = await open(looper.url, { nowMillis: now, size: sizes.narrow, hasTouch: true })
    await seen(page)
    for (const tab of ["Runs", "Log"]) {
      await page.getByRole("tab", { name: tab }).click()
      const small = await page.locator("button, .list .r").evaluateAll((all) =>
        all
          .map((element) => ({ name: element.textContent?.trim(), box: element.getBoundingClientRect() }))
          .filter(({ box }) => box.width > 0 && (box.height < 24 || box.width < 24))
          .map(({ name, box }) => `${name}: ${box.width} x ${box.height}`)
      )
      expect(small, "smaller than 24 pixels").toEqual([])
    }
  })
})

test("200 % zoom is the narrow layout, in which More leaves the lines their room", async ({ looper, open }) => {
  show(looper, states.running)
  const page = await open(looper.url, { nowMillis: now, size: { width: 640, height: 400 } })
  await seen(page)
  await page.getByRole("tab", { name: "Runs" }).waitFor()
  expect(await hasNoSidewaysScroll(page)).toMatchObject({ fits: true })
  await page.getByRole("button", { name: "More" }).click()
  await page.getByRole("toolbar", { name: "More of the log" }).waitFor()
  expect((await page.locator(".log").boundingBox())?.height).toBeGreaterThanOrEqual(120)
})

const ground = (page: Opened) => page.evaluate(() => getComputedStyle(document.body).backgroundColor)

test("the theme follows the system, ?theme= and the switch", async ({ looper, open }) => {
  show(looper, states.running)
  const [light, dark] = ["rgb(253, 253, 252)", "rgb(20, 23, 26)"]
  expect(await ground(await open(looper.url, { theme: "light" }))).toBe(light)
  const page = await open(looper.url, { theme: "dark" })
  expect(await ground(page)).toBe(dark)
  const chosen = await open(looper.url, { theme: "light", path: "/?theme=dark" })
  await expect.poll(() => ground(chosen)).toBe(dark)
  await seen(page)
  await page.keyboard.press("?")
  const dialog = page.getByRole("dialog")
  await dialog.waitFor()
  const select = dialog.locator("select")
  if ((await select.count()) > 0)
    await select
      .first()
      .selectOption({ label: "light" })
      .catch(() => select.first().selectOption("light"))
  else await dialog.getByText("Light", { exact: false }).first().click()
  await expect.poll(() => ground(page)).toBe(light)
  await page.reload()
  await expect.poll(() => ground(page)).toBe(light)
})

test("clock times of a run are told in full", async ({ looper, open }) => {
  show(looper, states.failed)
  const page = await open(looper.url, { nowMillis: now })
  const [newest] = states.failed.runs
  const times = page.locator(".facts dd:has(time)")
  await expect.poll(() => times.count()).toBe(2)
  const told = await times.evaluateAll((all) =>
    all.map((one) => [one.getAttribute("title"), one.querySelector("time")?.getAttribute("datetime")])
  )
  const [ended, started] = told
  expect(ended?.[1]).toBe(newest?.ended_at)
  expect(started?.[1]).toBe(newest?.started_at)
  expect(started?.[0]).toMatch(/^Sunday,? 22 November 2026 at 13:25:18 CET, 2026-11-22T12:25:18.000Z$/)
  const rows = await page.locator(".list .r time").evaluateAll((all) => all.map((one) => one.getAttribute("datetime")))
  expect(rows.length).toBeGreaterThan(10)
  expect(rows[0]).toBe(newest?.started_at)
  for (const iso of rows) expect(iso).toMatch(/^2026-\d\d-\d\dT[\d:.]+Z$/)
  await page.locator(".foot").getByText("local time, UTC+1").waitFor()
})

test("what has the focus has a ring", async ({ looper, open }) => {
  show(looper, states.running)
  const page = await open(looper.url, { nowMillis: now })
  await page.locator(".log .l").first().waitFor()
  for (const part of ["a.skip", ".now .btn", ".log", ".list .r[aria-current=true]"]) {
    await page.keyboard.press("Tab")
    const focused = page.locator(part).first()
    await focused.focus()
    const ring = await focused.evaluate((element) => {
      const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(element)
      return `${outlineWidth} ${outlineStyle} ${outlineColor}`
    })
    expect(ring, part).toBe("2px solid rgb(10, 107, 87)")
  }
})

test("letters of Europe are of the page's own fonts", async ({ looper, open }) => {
  const prompt = "Prüfe den Beweis: naïve café, Łódź."
  const log = [
    `# looper_request_id=3f9c21ab`,
    `# workspace=/w`,
    `# command=codex exec '${prompt}'`,
    "",
    "codex",
    "ok",
    ""
  ]
  show(looper, { ...states.running, log: log.join("\n") })
  const page = await open(looper.url, { nowMillis: now })
  await page.locator(".facts .pr p").getByText(prompt).waitFor()
  await page.evaluate(() => document.fonts.ready)
  const session = await page.context().newCDPSession(page)
  await session.send("DOM.enable")
  await session.send("CSS.enable")
  const { root } = await session.send("DOM.getDocument")
  const { nodeId } = await session.send("DOM.querySelector", { nodeId: root.nodeId, selector: ".facts .pr p" })
  const { fonts } = await session.send("CSS.getPlatformFontsForNode", { nodeId })
  expect(fonts.filter(({ isCustomFont }) => !isCustomFont)).toEqual([])
  await session.detach()
})

test("with forced colours the chip has an edge", async ({ looper, open }) => {
  show(looper, { ...states.running, log: numberedLines(500) })
  const page = await open(looper.url, { nowMillis: now, forcedColors: "active" })
  await expect.poll(() => footOf(page)).toBe("Following")
  await page.keyboard.press("f")
  looper.log("3f9c21ab").append("one more\n")
  const chip = page.locator("button.chip")
  await chip.waitFor()
  expect(await chip.evaluate((element) => getComputedStyle(element).borderTopWidth)).toBe("2px")
})

test("with forced colours the chosen run and the marked line are outlined", async ({ looper, open }) => {
  show(looper, states.running)
  const page = await open(looper.url, { nowMillis: now, forcedColors: "active" })
  await expect.poll(() => footOf(page)).toBe("Following")
  await page.locator(".log .l > a").last().click()
  for (const part of [".list .r[aria-current=true]", ".log .l.on"]) {
    const style = await page
      .locator(part)
      .first()
      .evaluate((element) => getComputedStyle(element).outlineStyle)
    expect(style, part).not.toBe("none")
  }
})

const moving = (page: Opened) =>
  page.evaluate(() => document.getAnimations().filter(({ playState }) => playState === "running").length)

test("with reduced motion nothing moves by itself", async ({ looper, open }) => {
  show(looper, states.starting)
  const calm = await open(looper.url, { nowMillis: states.starting.nowMillis, reducedMotion: "reduce" })
  await seen(calm)
  expect(await moving(calm)).toBe(0)
  const lively = await open(looper.url, { nowMillis: states.starting.nowMillis })
  await seen(lively)
  await expect.poll(() => moving(lively)).toBeGreaterThan(0)
})

test("screen readers hear the word and the fact, not the seconds", async ({ looper, open }) => {
  show(looper, states.running)
  const page = await open(looper.url, { nowMillis: now })
  const status = page.getByRole("status").first()
  await expect.poll(async () => (await status.allTextContents()).join(" ")).toContain("Running")
  expect((await status.allTextContents()).join(" ")).not.toContain("1 h 12 m")
  await page.locator(".log .l").first().waitFor()
  const skip = page.locator("a").first()
  await page.keyboard.press("Tab")
  expect(await skip.evaluate((link) => link === document.activeElement)).toBe(true)
  await page.keyboard.press("Enter")
  await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute("role"))).toBe("log")
})

test("a failure is told at once, and once", async ({ looper, open }) => {
  show(looper, states.running)
  const page = await open(looper.url, { nowMillis: now })
  await seen(page)
  const alert = page.locator("body > [role=alert]")
  expect(await alert.innerText()).toBe("")
  await alert.evaluate((element) => {
    const told = Object.assign(globalThis, { told: [] as Array<string> }).told
    new MutationObserver(() => told.push(element.textContent ?? "")).observe(element, { childList: true })
  })
  show(looper, states.failed)
  await expect.poll(() => alert.textContent()).toMatch(/^Failed/)
  await page.setClock(now + 60_000)
  await expect.poll(async () => (await bandOf(page)).headline).toMatch(/^Failed 3 m/)
  const told = await page.evaluate(() => (globalThis as unknown as { told: ReadonlyArray<string> }).told)
  expect(told).toHaveLength(1)
  expect(await page.locator("body > [role=status]").textContent()).toBe("")
})

describe("the skip link leads to what stands in the log's place", () => {
  const places = [
    ["running", states.running, ".log"],
    ["starting", states.starting, ".steps"],
    ["not started", states.stepfail, ".steps"],
    ["empty", states.empty, ".blank"]
  ] as const
  for (const [name, state, place] of places) {
    for (const [width, size] of Object.entries(sizes)) {
      test(`${name}, ${width}`, async ({ looper, open }) => {
        show(looper, state)
        const page = await open(looper.url, { nowMillis: "nowMillis" in state ? state.nowMillis : now, size })
        await page.locator(place).waitFor()
        if (width === "narrow") await page.getByRole("tab", { name: "Runs" }).click()
        const skip = page.getByRole("link", { name: "Skip to the log" })
        await page.evaluate(() => (document.activeElement as HTMLElement).blur())
        await skip.focus()
        await expect.poll(async () => (await skip.boundingBox())?.height ?? 0).toBeGreaterThan(20)
        await page.keyboard.press("Enter")
        await expect.poll(() => page.locator(place).evaluate((it) => it === document.activeElement)).toBe(true)
      })
    }
  }
})
