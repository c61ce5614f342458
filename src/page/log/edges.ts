/** What stands before and behind the lines that are in the page. */
import { html, nothing, type TemplateResult } from "lit-html"
import type { Run } from "../api/answers.ts"
import { grouped } from "../words/time.ts"
import { type LogView, loadedLines } from "./LogView.ts"
import { edgeWords } from "./logWords.ts"
import type { StreamState } from "./LogStream.ts"

/** A state that a run never leaves. */
export const isFinal = ({ state }: Run): boolean => state !== "starting" && state !== "running"

/** There are bytes to read. */
export const hasLog = (run: Run): boolean => run.log_path !== null && !run.is_log_pruned

const edge = (words: string, press: () => Promise<void>, after: string): TemplateResult =>
  html`<div class="edge"><button type="button" class="load" @click=${press}>${words}</button> ${after}</div>`

/** Before the lines: what of the file is not in the page. */
export const firstEdge = (view: LogView): TemplateResult | typeof nothing => {
  const { lines, start, notDrawn, isAttached } = view
  if (start === 0 || (lines.count === 0 && !isAttached)) return nothing
  const earlier = () => view.loadEarlier()
  if (notDrawn > 0) return edge(`${grouped(notDrawn)} lines not drawn, load`, earlier, "")
  return edge(`Load ${loadedLines} earlier lines`, earlier, edgeWords(lines.first?.number, start))
}

/** Behind the lines, where they do not reach to the end. */
export const lastEdge = (view: LogView): TemplateResult | undefined =>
  view.isAttached || view.lines.count === 0 || view.isLoading
    ? undefined
    : edge(`Load ${loadedLines} later lines`, () => view.loadLater(), "")

/** What stands where lines would be; `undefined` where lines are. */
export const emptyWords = (
  run: Run | undefined,
  log: { readonly isOpened: boolean; readonly hasOutput: boolean; readonly stream: StreamState }
): string | undefined => {
  if (run === undefined) return undefined
  if (run.is_log_pruned) return "This log was pruned by retention. Its record is kept."
  if (!hasLog(run)) return isFinal(run) ? "codex never started, so there is no log." : "No output yet."
  if (!log.isOpened) return log.stream.kind === "gone" ? `No log: ${log.stream.reason}.` : undefined
  return log.hasOutput ? undefined : "No output yet."
}
