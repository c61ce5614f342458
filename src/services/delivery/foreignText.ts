/** Foreign text made fit for an error sentence or a log line. */
import { escapeControls } from "../../domain/escapeControls.ts"

const maxLength = 300

/** Far more than is kept: a page of megabytes costs nothing. */
const maxScanned = 4_000

const redact = (text: string, secrets: ReadonlyArray<string>): string =>
  secrets.filter(Boolean).reduce((left, secret) => left.replaceAll(secret, "<redacted>"), text)

const shorten = (text: string): string => {
  const points = Array.from(escapeControls(text.slice(0, maxScanned)))
  return points.length <= maxLength ? points.join("") : `${points.slice(0, maxLength - 1).join("")}…`
}

/** One line of at most 300 code points. Secrets go first: a cut could leave half of one. */
export const foreignText = (text: string, secrets: ReadonlyArray<string>): string => shorten(redact(text, secrets))

/** The readable part of a proxy's page. */
export const pageText = (page: string, secrets: ReadonlyArray<string>): string => {
  const head = redact(page, secrets).slice(0, maxScanned)
  const words = head.replace(/<(?:style|script)\b[^]*?<\/(?:style|script)>|<[^>]*>/gi, " ")
  return shorten(words.replace(/\s+/g, " ").trim())
}
