/** The row below the lines. */
import { html, nothing, type TemplateResult } from "lit-html"
import { grouped } from "../words/time.ts"
import { footWords, type FootFacts, sizeWords, zoneWords } from "./logWords.ts"

/** What the foot shows. */
export interface FootState extends FootFacts {
  readonly lineCount: number | undefined
  readonly inPage: { readonly bytes: number; readonly isEnd: boolean }
  readonly hasLog: boolean
}

const hint = ({ stream, isFollowing }: FootState): TemplateResult | typeof nothing => {
  if (stream.kind === "broken" || stream.kind === "gone") return nothing
  if (stream.kind === "ended") return html`<kbd>g</kbd> top or end`
  return html`<kbd>f</kbd> ${isFollowing ? "pause" : "follow"}`
}

/** Its first words are a button that follows, or pauses. */
export const foot = (state: FootState, onFollow: () => void): TemplateResult => {
  if (!state.hasLog) return html``
  const { mark, words } = footWords(state)
  return html`<div class="foot">
    <button type="button" class=${`fl ${mark}`} aria-pressed=${state.isFollowing} @click=${onFollow}><i></i><span>${words}</span></button>
    <span class="wide">${hint(state)}</span>
    <span class="sp"></span>
    ${state.lineCount === undefined ? nothing : html`<span>${grouped(state.lineCount)} ${state.lineCount === 1 ? "line" : "lines"}</span>`}
    <span class="wide">${sizeWords(state.offset, state.inPage)}</span>
    <span class="wide">${zoneWords(new Date(state.nowMillis).getTimezoneOffset())}</span>
  </div>`
}
