/** What the page says of the service, as a person reads it. */
import type { Page } from "playwright-core"

/** Words as they are seen: without what is hidden, blanks as one. */
const words = (text: string): string => text.replaceAll(/\s+/g, " ").trim()

/** The band's headline, sentence and buttons. */
export interface Band {
  readonly headline: string
  readonly sentence: string
  readonly buttons: ReadonlyArray<string>
}

/** All of it at one moment. */
export const bandOf = async (page: Page): Promise<Band> => {
  const [band] = await page.locator(".now").evaluateAll((bands) =>
    bands.map((now) => {
      const texts = (selector: string) =>
        [...now.querySelectorAll<HTMLElement>(selector)]
          .filter((element) => element.checkVisibility())
          .map((element) => element.innerText)
      return { headline: texts("h1").join(" "), sentence: texts("p").join(" "), buttons: texts("button") }
    })
  )
  const { headline = "", sentence = "", buttons = [] } = band ?? {}
  return { headline: words(headline), sentence: words(sentence), buttons: buttons.map(words) }
}

/** The log's lines that are in the page, without their numbers; a line that holds several elements is one. */
export const logLines = (page: Page): Promise<ReadonlyArray<string>> =>
  page.locator(".log .l > span").evaluateAll((spans) => spans.map((span) => span.textContent ?? ""))

/** The log's line numbers that are in the page, in order. */
export const logNumbers = (page: Page): Promise<ReadonlyArray<number>> =>
  page.locator(".log .l > a").evaluateAll((links) => links.map((link) => Number(link.textContent?.replaceAll(",", ""))))

/** What the foot says of following; how fast lines come is left out. */
export const footOf = async (page: Page): Promise<string> =>
  words(await page.locator(".foot .fl").innerText()).replace(/, [\d,]+ lines\/s$/, "")
