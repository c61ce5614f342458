/** Foreign text made fit for a chat message: nothing in it notifies anybody, and it cannot leave its block. */
import { escapeControls } from "./escapeControls.ts"

const escape = "\u001b"
const bell = "\u0007"

/** ECMA-48: control sequences, strings up to their terminator, all other escapes. */
const sequences = new RegExp(
  `${escape}(?:\\[[0-?]*[ -/]*[@-~]|[\\]PX^_][^\\n${bell}${escape}]*(?:${bell}|${escape}\\\\)|[ -/]*[0-~])`,
  "g"
)

/** Control characters but tab and newline, other ends of lines, what turns the direction of writing, what has no width. */
const unseen = /(?![\t\n])\p{Cc}|[\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/gu

/**
 * What a chat server might take for a mention, a channel or a link.
 *
 * **Source** Zulip: `@**…**`, `@*…*`, `#**…**`. Mattermost and Discord: `@here`, `@all`, `@everyone`, `@name`. Slack and
 * Discord: `<!…>`, `<@…>`, `<#…>`, `<https:…>`, `<:…>`, `</…>`; Slack reads these in code, too.
 */
const live = /@|<(?=[!@#:/]|[a-z]+:)|#(?=\*\*)/gi

const breaker = "\u200b"

/** Breaks mentions by a character that is not seen. */
const breakMentions = (text: string): string => text.replace(live, `$&${breaker}`)

/** No terminal's colours, no control characters but tab and newline, nothing that is not seen. */
export const plainText = (text: string): string =>
  text.replace(sequences, "").replace(/\r\n?/g, "\n").replace(unseen, "").toWellFormed()

/**
 * The end of a text, at most `maxLength` code points, as a fenced block; empty where the text is blank.
 *
 * **Details** Slack and Discord end a block at any three backticks: longer runs are broken, so that the fence is longer
 * than every run in it.
 */
export const fencedEnd = (text: string, options: { readonly maxLength: number; readonly language: string }): string => {
  const quiet = breakMentions(plainText(text))
    .replace(/``(?=`)/g, `$&${breaker}`)
    .trimEnd()
    .replace(/^\n+/, "")
  const points = Array.from(quiet)
  const isCut = points.length > options.maxLength
  const shown = isCut ? `…${points.slice(1 - options.maxLength).join("")}` : quiet
  return shown === "" ? "" : `\`\`\`${options.language}\n${shown}\n\`\`\``
}

/** One line of at most `maxLength` code points as inline code; a backtick becomes an apostrophe. */
export const inlineCode = (text: string, maxLength: number): string => {
  const line = breakMentions(escapeControls(text).replace(unseen, "").toWellFormed()).replaceAll("`", "'")
  const points = Array.from(line)
  return `\`${points.length <= maxLength ? line : `${points.slice(0, maxLength - 1).join("")}…`}\``
}
