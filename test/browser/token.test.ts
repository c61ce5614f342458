import { bandOf } from "./support/band.ts"
import { show } from "./support/show.ts"
import { states } from "./support/states.ts"
import { beforeEach } from "vitest"
import type { FakeLooper } from "./support/FakeLooper.ts"
import { expect, type Opened, test } from "./support/test.ts"

const token = "correct-horse-battery-staple"

beforeEach<{ looper: FakeLooper }>(({ looper }) => {
  show(looper, states.running)
  looper.nowMillis = undefined
  looper.token = token
})

const enter = async (page: Opened, text: string) => {
  await page.getByLabel("Token").fill(text)
  await page.getByRole("button", { name: "Open" }).click()
}

test("before the token nothing is fetched and nothing is shown", async ({ looper, open }) => {
  const page = await open(looper.url)
  await expect
    .poll(() => bandOf(page))
    .toEqual({
      headline: "Token needed",
      sentence: "Without it this page shows nothing and does nothing.",
      buttons: []
    })
  // The form comes after the band.
  const kept = "Kept in this tab only, until you close it."
  await expect.poll(() => page.locator("body").innerText()).toContain(kept)
  expect(new Set(looper.asked.map(({ method, path }) => `${method} ${path}`))).toEqual(new Set(["GET /status"]))
  const body = await page.locator("body").innerText()
  expect(body).not.toContain("3f9c21ab")
  expect(body).not.toContain("Autopoll")
  expect(await page.getByLabel("Token").getAttribute("type")).toBe("password")
  expect(await page.getByLabel("Token").getAttribute("autocomplete")).toBe("off")
  expect(body).toContain(`It is sent to ${new URL(looper.url).host} and nowhere else.`)
})

test("a token opens the page and is nowhere but in this tab and the headers", async ({ looper, open }) => {
  const page = await open(looper.url)
  await enter(page, token)
  await expect.poll(async () => (await bandOf(page)).headline).toMatch(/^Running/)
  await expect.poll(() => looper.of("GET /runs/3f9c21ab/log").length).toBeGreaterThan(1)
  const withToken = looper.asked.filter(({ headers }) => headers.authorization !== undefined)
  expect(new Set(withToken.map(({ headers }) => headers.authorization))).toEqual(new Set([`Bearer ${token}`]))
  expect(looper.asked.some(({ query }) => JSON.stringify(query).includes(token))).toBe(false)
  const places = await page.evaluate(() => ({
    address: location.href,
    title: document.title,
    cookie: document.cookie,
    local: JSON.stringify({ ...localStorage }),
    document: document.documentElement.outerHTML
  }))
  expect(JSON.stringify(places)).not.toContain(token)
  await page.keyboard.press("y")
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toContain("/?run=3f9c21ab")
  expect(await page.evaluate(() => navigator.clipboard.readText())).not.toContain(token)
  await page.reload()
  await expect.poll(async () => (await bandOf(page)).headline).toMatch(/^Running/)
})

/** Runs in the page. */
const withholdStorage = () => {
  for (const kind of ["localStorage", "sessionStorage"]) {
    Object.defineProperty(globalThis, kind, {
      get: () => {
        throw new DOMException("The operation is insecure.", "SecurityError")
      }
    })
  }
}

test("where the browser keeps nothing the page does all but remember", async ({ looper, open }) => {
  const page = await open(looper.url, { before: withholdStorage })
  await enter(page, token)
  await expect.poll(async () => (await bandOf(page)).headline).toMatch(/^Running/)
  await page.locator(".log .l").first().waitFor()
  await page.keyboard.press("w")
  await expect.poll(() => page.locator(".log.wrap").count()).toBe(1)
})

test("a wrong token is refused in words, and the next try waits", async ({ looper, open }) => {
  const page = await open(looper.url)
  await enter(page, "wrong-token-value")
  await page.getByText("Looper refused this token. Wait 2 s before the next try.").waitFor()
  expect(await page.getByLabel("Token").getAttribute("aria-invalid")).toBe("true")
  await expect.poll(() => page.getByRole("button", { name: "Open" }).isEnabled(), { timeout: 10_000 }).toBe(true)
  await enter(page, token)
  await expect.poll(async () => (await bandOf(page)).headline, { timeout: 10_000 }).toMatch(/^Running/)
})

test("a token that is refused later is asked for again, and the form's text is kept", async ({ looper, open }) => {
  const page = await open(looper.url)
  await enter(page, token)
  await page.getByRole("button", { name: "Start…" }).click()
  await page.getByRole("dialog").getByLabel("Prompt").fill("Long thought text.")
  looper.token = "another"
  await expect.poll(async () => (await bandOf(page)).headline, { timeout: 10_000 }).toBe("Token needed")
  expect(await page.evaluate(() => JSON.stringify({ ...sessionStorage }))).not.toContain(token)
  if (await page.getByRole("dialog").isVisible()) await page.keyboard.press("Escape")
  await enter(page, "another")
  await expect.poll(async () => (await bandOf(page)).headline, { timeout: 10_000 }).toMatch(/^Running/)
  if (!(await page.getByRole("dialog").isVisible())) await page.getByRole("button", { name: "Start…" }).click()
  expect(await page.getByRole("dialog").getByLabel("Prompt").inputValue()).toBe("Long thought text.")
})
