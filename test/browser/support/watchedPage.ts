/** A page whose every violation, script error and foreign request is written down. */
import type { BrowserContext, ConsoleMessage, Page } from "playwright-core"

/** The clock of a page that was opened with one. */
export interface Clock {
  /** Milliseconds since the epoch; it stands still there. */
  readonly setClock: (nowMillis: number) => Promise<void>
}

interface Watching {
  readonly url: string
  readonly wrongs: Array<string>
  readonly nowMillis?: number
  readonly permits?: ReadonlyArray<RegExp>
  readonly before?: () => void
}

/** Opened nowhere yet. */
export const watchedPage = async (context: BrowserContext, options: Watching): Promise<Page & Clock> => {
  const { url, wrongs, nowMillis, permits = [], before } = options
  const note = (wrong: string) => {
    if (!permits.some((permitted) => permitted.test(wrong))) wrongs.push(wrong)
  }
  const page = await context.newPage()
  await page.exposeBinding("__violated", (_, what: string) => note(`violation: ${what}`))
  await page.addInitScript(reportViolations)
  if (nowMillis !== undefined) await page.addInitScript(standStill, nowMillis)
  if (before !== undefined) await page.addInitScript(before)
  page.on("console", (message) => {
    if (isError(message)) note(`console: ${message.text()}`)
  })
  page.on("pageerror", (error) => note(`uncaught: ${error.stack ?? error.message}`))
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url())
    if (protocol !== "data:" && origin !== new URL(url).origin) note(`request to another origin: ${request.url()}`)
  })
  page.on("dialog", (dialog) => {
    note(`dialog of the browser: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.setDefaultTimeout(10_000)
  const setClock = (millis: number) =>
    page.evaluate((now) => (globalThis as unknown as { __setNow: (now: number) => void }).__setNow(now), millis)
  return Object.assign(page, { setClock })
}

/** What a browser says of an answer that is an error is no error of the page's. */
const isError = (message: ConsoleMessage): boolean =>
  message.type() === "error" && !message.text().startsWith("Failed to load resource")

const reportViolations = () => {
  addEventListener("securitypolicyviolation", (event) => {
    const { effectiveDirective, blockedURI, sample, sourceFile, lineNumber } = event
    const violated = globalThis as unknown as { __violated: (what: string) => void }
    violated.__violated(`${effectiveDirective} ${blockedURI} ${sample} (${sourceFile}:${lineNumber})`)
  })
}

/** The date stands; timers run, so that the page lives. */
const standStill = (start: number) => {
  let now = start
  const Real = Date
  class Still extends Real {
    constructor(...parts: ReadonlyArray<never>) {
      if (parts.length === 0) super(now)
      else super(...(parts as unknown as [number]))
    }
    static override now(): number {
      return now
    }
  }
  globalThis.Date = Still as DateConstructor
  Object.assign(globalThis, {
    __setNow: (millis: number) => {
      now = millis
    }
  })
}
