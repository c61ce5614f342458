/** How much of its main thread's own time each task of a page took: no figure of how busy the machine is. */
import type { Page } from "playwright-core"

interface TraceEvent {
  readonly name: string
  readonly pid: number
  readonly tid: number
  /** Of its thread's own time, in microseconds; where the system tells it. */
  readonly tdur?: number
}

/** Traces every task of the page; the answer ends that, and gives them in milliseconds, the longest first. */
export const traceTasks = async (page: Page): Promise<() => Promise<ReadonlyArray<number>>> => {
  const session = await page.context().browser()?.newBrowserCDPSession()
  if (session === undefined) throw new Error("the page has no browser")
  const events: Array<TraceEvent> = []
  session.on("Tracing.dataCollected", ({ value }) => events.push(...(value as unknown as ReadonlyArray<TraceEvent>)))
  const includedCategories = ["disabled-by-default-devtools.timeline", "blink.user_timing"]
  await session.send("Tracing.start", { traceConfig: { includedCategories }, transferMode: "ReportEvents" })
  return async () => {
    // Other pages of the browser are traced too: the mark tells which thread is this one's.
    const name = `looper ${Math.random()}`
    await page.evaluate((mark) => void performance.mark(mark), name)
    const completed = new Promise<void>((resolve) => session.once("Tracing.tracingComplete", () => resolve()))
    await session.send("Tracing.end")
    await completed
    await session.detach()
    const mark = events.find((event) => event.name === name)
    const tasks = events.filter(
      ({ name: task, pid, tid }) => task === "RunTask" && pid === mark?.pid && tid === mark.tid
    )
    // Of one in thousands the trace knows no time of its thread: it was cut by the end, or lost its clock.
    const timed = tasks.flatMap(({ tdur }) => (tdur === undefined ? [] : [tdur / 1_000]))
    if (timed.length < 0.99 * tasks.length) throw new Error(`only ${timed.length} of ${tasks.length} tasks were timed`)
    return timed.toSorted((a, b) => b - a)
  }
}
