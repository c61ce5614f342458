/** What the band says: the service's state in one word, one number and one sentence. */
import type { Mark } from "../view/marks.ts"

/** A piece of the sentence: plain, its fact, or what is code. */
export type Part = string | { readonly b: string } | { readonly m: string; readonly title?: string }

/** The band's buttons, in their order. */
export type BandButton =
  | "goTo"
  | "start"
  | "stop"
  | "keep"
  | "confirmStop"
  | "startDefault"
  | "tryTick"
  | "tryNow"
  | "cancel"
  | "resume"

/** What the band says. */
export interface Band {
  readonly tone: "live" | "warn" | "bad" | "calm"
  readonly mark: Mark
  readonly word: string
  /** What ticks, or stands behind the word. */
  readonly number: string
  readonly sentence: ReadonlyArray<Part>
  readonly buttons: ReadonlyArray<BandButton>
  /** What a screen reader is told of it, once: nothing in it ticks. */
  readonly said: string
  /** Loss and failure are told at once. */
  readonly isAlert: boolean
}

/** The word without what announces a number: `Idle` of `Idle, next start in`. */
export const wordAlone = (word: string): string => word.replace(/, next \w+ in$| (?:for|by|beside)$/, "")

/** A band; what is told aloud is its word and `said`. */
export const band = (
  fields: Omit<Band, "said" | "isAlert" | "number"> & {
    readonly number?: string
    readonly said?: string
    readonly isAlert?: boolean
  }
): Band => ({
  ...fields,
  number: fields.number ?? "",
  said: `${wordAlone(fields.word).replace(/[.,:]?$/, ".")} ${fields.said ?? ""}`.trim(),
  isAlert: fields.isAlert ?? false
})

/** A sentence as text. */
export const textOf = (parts: ReadonlyArray<Part>): string =>
  parts.map((part) => (typeof part === "string" ? part : "b" in part ? part.b : part.m)).join("")
