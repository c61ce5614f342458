/** `test` for pages in Chromium: fresh, watched, and closed at the test's end. */
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core"
import { afterAll, beforeEach, inject, test as plain } from "vitest"
import { type Clock, watchedPage } from "./watchedPage.ts"
import { FakeLooper } from "./FakeLooper.ts"
import { idleStatus } from "./statuses.ts"

export { expect } from "vitest"

const endpoint = inject("chromiumEndpoint")
let connected: Promise<Browser> | undefined
const browser = (): Promise<Browser> => (connected ??= chromium.connect(endpoint ?? ""))

beforeEach(({ skip }) => {
  if (endpoint === undefined) skip("no chromium on PATH")
})
afterAll(async () => (await connected)?.close())

/** The two sizes that the page is designed for. */
export const sizes = { wide: { width: 1_280, height: 800 }, narrow: { width: 390, height: 844 } } as const

/** How a page is opened. */
export interface OpenOptions {
  /** Behind the origin. */
  readonly path?: string
  readonly size?: { readonly width: number; readonly height: number }
  readonly theme?: "light" | "dark"
  readonly forcedColors?: "active"
  readonly reducedMotion?: "reduce"
  /** Milliseconds since the epoch at which the page's clock stands still, until `setClock`. */
  readonly nowMillis?: number
  /** Keeps what the page may not do, for tests in which it must happen. */
  readonly permits?: ReadonlyArray<RegExp>
  readonly hasTouch?: boolean
  /** Runs in the page before its own script. */
  readonly before?: () => void
}

/** An open page. */
export type Opened = Page & Clock

interface Fixtures {
  /** An idle Looper with no history, until the test says otherwise. */
  readonly looper: FakeLooper
  /** What pages did so far that no page may do; must be empty at the test's end. */
  readonly wrongs: Array<string>
  /** Opens a page of `url`; at the end nothing that no page may do was done by any of them. */
  readonly open: (url: string, options?: OpenOptions) => Promise<Opened>
}

export const test = plain.extend<Fixtures>({
  looper: async ({ task: _task }, use) => {
    await using looper = await FakeLooper.start(idleStatus())
    await use(looper)
  },
  wrongs: async ({ task: _task }, use) => {
    await use([])
  },
  open: async ({ skip, wrongs }, use) => {
    if (endpoint === undefined) skip()
    const contexts: Array<BrowserContext> = []
    await use(async (url, options = {}) => {
      const context = await (await browser()).newContext({
        baseURL: url,
        viewport: options.size ?? sizes.wide,
        colorScheme: options.theme ?? "light",
        forcedColors: options.forcedColors ?? "none",
        reducedMotion: options.reducedMotion ?? "no-preference",
        hasTouch: options.hasTouch ?? false,
        locale: "en-GB",
        timezoneId: "Europe/Berlin",
        permissions: ["clipboard-read", "clipboard-write"]
      })
      contexts.push(context)
      const page = await watchedPage(context, { url, wrongs, ...options })
      await page.goto(options.path ?? "/")
      return page
    })
    await Promise.all(contexts.map((context) => context.close()))
    if (wrongs.length > 0) throw new Error(`the page did what no page may do:\n${wrongs.join("\n")}`)
  }
})
