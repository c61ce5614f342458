/** The band: what the service does, and its buttons. */
import { html, nothing, type TemplateResult } from "lit-html"
import type { Actions } from "../actions/Actions.ts"
import type { PageState } from "../state/PageState.ts"
import type { Band, Part } from "../words/band.ts"
import { bandButtons } from "./bandButtons.ts"
import { mark } from "./marks.ts"

const part = (piece: Part) => {
  if (typeof piece === "string") return piece
  return "b" in piece
    ? html`<b>${piece.b}</b>`
    : html`<span class="m" title=${piece.title ?? nothing}>${piece.m}</span>`
}

/** The band; empty before anything is known. */
export const bandView = (band: Band | undefined, state: PageState, actions: Actions): TemplateResult => {
  if (band === undefined)
    return html`<section class="now" aria-label="State" data-tone="calm"><div class="say"></div></section>`
  const { tone, word, number, sentence, buttons } = band
  return html`<section class="now" aria-label="State" data-tone=${tone}>
    <div class="say">
      <h1>${mark(band.mark, band.mark === "starting")}<span>${word} <span class="t">${number}</span></span></h1>
      <p>${sentence.map(part)}</p>
    </div>
    ${bandButtons(state, actions, buttons)}
  </section>`
}
