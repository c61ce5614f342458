/** What stands before and behind the lines that are in the page. */
import { html, nothing, type TemplateResult } from "lit-html"
import type { Run } from "../api/answers.ts"
import { grouped } from "../words/time.ts"
import { loadedLines } from "./limits.ts"
import { edgeWords } from "./logWords.ts"
import type { Scene } from "./scene.ts"

/** A state that a run never leaves. */
export const isFinal = ({ state }: Run): boolean => state !== "starting" && state !== "running"

/** There are bytes to read. */
export const hasLog = (run: Run): boolean => run.log_path !== null && !run.is_log_pruned

const edge = (words: string, press: () => Promise<void>, after: string): TemplateResult =>
  html`<div class="edge"><button type="button" class="load" @click=${press}>${words}</button> ${after}</div>`

/** Before the lines: what of the file is not in the page. */
export const firstEdge = ({ live, view }: Scene): TemplateResult | typeof nothing => {
  const { lines, start, notDrawn, isAttached } = view
  if (live?.isOpened !== true || start === 0 || (lines.count === 0 && !isAttached)) return nothing
  const earlier = () => view.loadEarlier()
  if (notDrawn > 0) return edge(`${grouped(notDrawn)} lines not drawn, load`, earlier, "")
  return edge(`Load ${loadedLines} earlier lines`, earlier, edgeWords(lines.first?.number, start))
}

/** Behind the lines, where they do not reach to the end, or where there are none. */
export const lastEdge = (scene: Scene): TemplateResult | typeof nothing => {
  const { view } = scene
  if (!view.isAttached && !view.loading.isOn) {
    if (view.lines.count === 0) return edge("Load the last lines", () => view.toEnd(), "")
    return edge(`Load ${loadedLines} later lines`, () => view.loadLater(), "")
  }
  const words = emptyWords(scene)
  return words === undefined ? nothing : html`<p class="edge">${words}</p>`
}

/** What stands where lines would be; `undefined` where lines are. */
const emptyWords = ({ run, live, stream, view }: Scene): string | undefined => {
  if (run === undefined) return undefined
  if (run.is_log_pruned) return "This log was pruned by retention. Its record is kept."
  if (!hasLog(run)) return isFinal(run) ? "codex never started, so there is no log." : "No output yet."
  if (live?.isOpened !== true) return stream.kind === "gone" ? `No log: ${stream.reason}.` : undefined
  return live.hasOutput || view.start > 0 ? undefined : "No output yet."
}
