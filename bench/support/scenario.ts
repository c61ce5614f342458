/** What a scenario is: a file in bench/scenarios that gives one of these. */
import type { Figure } from "./figures.ts"

export interface Bench {
  /** Everything once, or with small numbers. */
  readonly isShort: boolean
  /** How often each side is measured, in turns. */
  readonly rounds: number
  /** Looper's command line, without its own words. */
  readonly looper: ReadonlyArray<string>
  readonly hasWebhook: boolean
}

export interface Scenario {
  readonly name: string
  /** Fails where something is wrong: a request failed, a byte was lost. A missed goal is no failure. */
  readonly run: (bench: Bench) => Promise<ReadonlyArray<Figure>>
}
