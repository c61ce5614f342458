/** How a log's lines are drawn just now: which run's they are, and which of them are marked. */
import { searchFor } from "../state/address.ts"
import type { LogLine } from "./LineDecoder.ts"
import type { LineLook } from "./lineElement.ts"
import type { LogPlace } from "./LogPane.ts"
import { fragmentOf, isMarked } from "./place.ts"

/** See {@link LineLook}. */
export class Look implements LineLook {
  readonly isPlain: boolean
  /** What is marked. */
  place: LogPlace | undefined
  #search = ""

  constructor(isPlain: boolean) {
    this.isPlain = isPlain
  }

  /** Another run's lines, of which none is marked; `search` is of the page's address, which may name no run. */
  reset(runId: string | undefined, search: string): void {
    this.place = undefined
    this.#search = searchFor(runId, search)
  }

  isMarked(line: LogLine): boolean {
    return isMarked(line, this.place)
  }

  hrefOf({ start, end }: LogLine): string {
    return this.#search + fragmentOf({ start, end })
  }
}
