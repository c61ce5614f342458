/** axe-core on an open page. */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import type { Page } from "playwright-core"

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")

/**
 * Its findings, one line each.
 *
 * The debugger evaluates it in the page: a script element would break the page's policy, which stays in force.
 */
export const findings = async (page: Page): Promise<ReadonlyArray<string>> => {
  const session = await page.context().newCDPSession(page)
  await session.send("Runtime.evaluate", { expression: source })
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
    expression: `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
      violations.flatMap(({ id, help, nodes }) => nodes.map(({ html, failureSummary }) =>
        id + ": " + help + ": " + html.slice(0, 160) + " " + (failureSummary ?? "").replaceAll(/\\s+/g, " ").slice(0, 300))))`,
    awaitPromise: true,
    returnByValue: true
  })
  await session.detach()
  if (exceptionDetails !== undefined) throw new Error(`axe: ${JSON.stringify(exceptionDetails)}`)
  return result.value as ReadonlyArray<string>
}
