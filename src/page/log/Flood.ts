/** Notices that lines come faster than anybody reads them: most are dropped again before they are seen. */
import { burstLines } from "./limits.ts"
import type { LogView } from "./LogView.ts"

/** In so short a time, in milliseconds. */
const burstMillis = 300
/** What is not seen is drawn when it is over, in milliseconds. */
const lullMillis = 400

/** Counts what comes. */
export class Flood {
  #sinceMillis = 0
  #lines = 0
  #untilMillis = 0

  add(lines: number): void {
    const now = performance.now()
    if (now - this.#sinceMillis > burstMillis) {
      this.#sinceMillis = now
      this.#lines = 0
    }
    this.#lines += lines
    if (this.#lines > burstLines) this.#untilMillis = now + burstMillis
  }

  /** It is going on, or was a moment ago. */
  get isOn(): boolean {
    return performance.now() < this.#untilMillis
  }

  /** Makes elements that are missing until a time of `performance.now()`: those that are seen, the rest after it. */
  drawMissing(view: LogView, until: number): void {
    const { follow, lines, scroller } = view
    if (!follow.isFollowing) {
      const { top, bottom } = scroller.getBoundingClientRect()
      lines.drawBetween(top, bottom)
    }
    if (follow.isFollowing && this.isOn) setTimeout(() => view.schedule(), lullMillis)
    else {
      lines.draw(until)
      if (lines.isUndrawn) view.schedule()
    }
  }
}
