/** The log pane, as a person uses it. */
import type { Page } from "playwright-core"

const pane = (page: Page) => page.locator(".log")

/** Is the end of the log in view? */
export const isAtEnd = (page: Page): Promise<boolean> =>
  pane(page).evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight < 24)

/** The text of the first line that is wholly in view. */
export const firstInView = (page: Page): Promise<string | undefined> =>
  pane(page).evaluate((log) => {
    const { top } = log.getBoundingClientRect()
    const line = [...log.querySelectorAll(".l")].find((one) => one.getBoundingClientRect().top >= top - 1)
    return line?.querySelector(":scope > span")?.textContent ?? undefined
  })

/** Is a line with exactly this text in view, even if only a part of it? */
export const isInView = (page: Page, text: string): Promise<boolean> =>
  pane(page).evaluate((log, wanted) => {
    const { top, bottom } = log.getBoundingClientRect()
    return [...log.querySelectorAll(".l")].some((line) => {
      const box = line.getBoundingClientRect()
      return line.querySelector(":scope > span")?.textContent === wanted && box.bottom > top && box.top < bottom
    })
  }, text)

/** Waits until the log scrolls no more: the browser's own scrolling is smooth. */
export const atRest = (page: Page): Promise<void> =>
  pane(page).evaluate(
    (log) =>
      new Promise<void>((resolve) => {
        let [last, still] = [-1, 0]
        const look = () => {
          still = log.scrollTop === last ? still + 1 : 0
          last = log.scrollTop
          if (still > 8) resolve()
          else requestAnimationFrame(look)
        }
        look()
      })
  )

/** Turns the wheel over the log: up is negative. */
export const wheel = async (page: Page, pixels: number): Promise<void> => {
  await pane(page).hover()
  await page.mouse.wheel(0, pixels)
}

/** The element of a line. */
export const lineOf = (page: Page, text: string) =>
  page.locator(".log .l", { has: page.locator(":scope > span").getByText(text, { exact: true }) })
