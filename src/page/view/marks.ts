/** Marks: one shape a state, drawn, so that colour is never the only sign. */
import { svg, type TemplateResult } from "lit-html"

const ring = svg`<circle cx="8" cy="8" r="6.25" fill="none" stroke="currentColor" stroke-width="1.5"></circle>`
const stroke = (d: string, width: number) =>
  svg`<path d=${d} fill="none" stroke="currentColor" stroke-width=${width}></path>`

const shapes = {
  running: svg`${ring}<circle cx="8" cy="8" r="3" fill="currentColor"></circle>`,
  starting: svg`${ring}<path d="M8 1.75a6.25 6.25 0 0 1 0 12.5z" fill="currentColor"></path>`,
  succeeded: stroke("M2.5 8.5l3.6 3.7L13.5 4", 1.75),
  failed: stroke("M3 3l10 10M13 3L3 13", 2),
  stopped: svg`<rect x="3" y="3" width="10" height="10" fill="currentColor"></rect>`,
  interrupted: stroke("M8 1.5v5M8 9.5v5M2.5 8h3M10.5 8h3", 1.75),
  idle: ring,
  waiting: svg`${ring}${stroke("M8 4.5V8l2.5 1.8", 1.5)}`,
  silent: svg`${ring}${stroke("M4.8 8h6.4", 1.75)}`,
  gone: svg`${ring}${stroke("M3.6 3.6l8.8 8.8", 1.5)}`,
  lock: svg`<rect x="3" y="7" width="10" height="7" fill="none" stroke="currentColor" stroke-width="1.5"></rect>${stroke("M5 7V5a3 3 0 0 1 6 0v2", 1.5)}`,
  todo: svg`<circle cx="8" cy="8" r="2" fill="currentColor"></circle>`
}

/** A mark's name. */
export type Mark = keyof typeof shapes

/** A mark; `isTurning` for what goes on just now. */
export const mark = (name: Mark, isTurning = false): TemplateResult =>
  svg`<svg class=${isTurning ? "mk turn" : "mk"} viewBox="0 0 16 16" aria-hidden="true">${shapes[name]}</svg>`
