/** What the page and the worker that searches a whole log say to each other. */
import type { Query } from "./matches.ts"

/** The one message to the worker: search all of this. */
export interface FindRequest {
  /** The log's full address. */
  readonly url: string
  readonly token: string | undefined
  readonly query: Query
  /** Bytes to search; the last of them ends a line, or the log. */
  readonly end: number
}

/** Messages from the worker. */
export type FindReport =
  | {
      readonly kind: "found"
      /** Start and column of each match, in the file's order. */
      readonly matches: Float64Array
      /** How many there were in this part, those that are not told included. */
      readonly count: number
      readonly scannedTo: number
    }
  | { readonly kind: "failed"; readonly status: number }

/** Of so many matches the places are told; the others are counted. */
export const maxMatches = 100_000
