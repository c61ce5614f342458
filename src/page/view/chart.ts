/** The newest runs as bars. */
import { html, nothing, svg, type TemplateResult } from "lit-html"
import type { Actions } from "../actions/Actions.ts"
import { searchFor } from "../state/address.ts"
import type { PageState } from "../state/PageState.ts"
import { barsOf, captionOf, chartSentence, type Bar } from "../words/chartWords.ts"
import { isLive } from "../words/runWords.ts"
import { rowLabel } from "./RunList.ts"
import { follows } from "./links.ts"

const fullHeight = 36
const step = 6

const bar = ({ run, height }: Bar, index: number, state: PageState, actions: Actions) => {
  const x = index * step
  const y = fullHeight - height
  const isHollow = run.state === "stopped" || run.state === "interrupted"
  const kind = isLive(run) ? "live" : run.state
  return svg`<a class=${`bar-${kind}`} href=${searchFor(run.request_id, location.search)} tabindex="-1"
    @click=${follows(() => actions.showRun(run.request_id))}>
    <title>${rowLabel(run, state)}</title>
    <rect class="hit" x=${x - 1} y="-6" width=${step} height=${fullHeight + 6}></rect>
    ${
      isHollow
        ? svg`<rect class="hollow" x=${x + 0.5} y=${y + 0.5} width="3" height=${Math.max(1, height - 1)}></rect>`
        : svg`<rect class="full" x=${x} y=${y} width="4" height=${height}></rect>`
    }
    ${run.state === "failed" ? svg`<path d=${`M${x - 0.2} ${y - 6}l4.4 4.4m0-4.4l-4.4 4.4`}></path>` : nothing}
  </a>`
}

/** The chart, or nothing before anything ran. */
export const chart = (state: PageState, actions: Actions): TemplateResult | typeof nothing => {
  const { recent, nowMillis } = state
  if (recent.length === 0) return nothing
  const [caption, median] = captionOf(recent)
  return html`<div class="chart">
    <span role="img" aria-label=${chartSentence(recent)}></span>
    <svg viewBox="0 -6 264 42" aria-hidden="true" preserveAspectRatio="none">
      ${barsOf(recent, nowMillis, fullHeight).map((one, index) => bar(one, index, state, actions))}
    </svg>
    <p><span>${caption}</span><span>${median}</span></p>
  </div>`
}
