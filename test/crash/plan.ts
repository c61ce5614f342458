/** Which cases there are: recorded from the product, not listed by hand. */
import type { Fault } from "../support/faultPreload.ts"
import { type Case, type Result, runCase, type Worlds } from "./cases.ts"
import { type Scenario, scenarios } from "./scenarios.ts"

export const faults: ReadonlyArray<Fault> = ["looper", "supervisor", "codex", "group"]

/** A scenario's points in the order of their first occurrence, with how often each came. */
export interface Recording {
  readonly scenario: Scenario
  readonly points: ReadonlyMap<string, number>
  readonly driveMillis: number
  readonly results: ReadonlyArray<Result>
}

const passes = 3

/** How often each point comes at least; one that does not come in every pass is none of the scenario's. */
const countsOf = (results: ReadonlyArray<Result>): ReadonlyMap<string, number> => {
  const names = new Set(results.flatMap(({ points }) => points))
  const count = (name: string) =>
    Math.min(...results.map(({ points }) => points.filter((point) => point === name).length))
  return new Map([...names].map((name) => [name, count(name)] as const).filter(([, least]) => least > 0))
}

/** Runs a scenario, or each, without a fault and notes its points. */
export const record = async (
  worlds: Worlds,
  each: <A>(tasks: ReadonlyArray<() => Promise<A>>) => Promise<ReadonlyArray<A>>,
  only?: string
): Promise<ReadonlyArray<Recording>> => {
  const wanted = scenarios.find(({ name }) => name === only)
  const needed = scenarios.filter(({ name }) => wanted === undefined || name === only || name === wanted.beyond)
  const recordings = await each(
    needed.map((scenario) => async (): Promise<Recording> => {
      const results: Array<Result> = []
      for (let pass = 0; pass < passes; pass++) results.push(await runCase(worlds, { scenario, timing: undefined }))
      const driveMillis = Math.max(...results.map((result) => result.driveMillis))
      return { scenario, points: countsOf(results), driveMillis, results }
    })
  )
  return recordings
    .filter(({ scenario }) => only === undefined || scenario.name === only)
    .map(({ scenario, points, driveMillis, results }) => {
      const known = recordings.find((other) => other.scenario.name === scenario.beyond)?.points
      const own = [...points].filter(([point]) => known?.has(point) !== true)
      return { scenario, points: new Map(own), driveMillis, results }
    })
}

export interface Selection {
  readonly faults: ReadonlyArray<Fault>
  /** Also the last occurrence of each point. */
  readonly hasLast: boolean
}

/** Every point, before and after it. */
export const casesAt = ({ scenario, points }: Recording, { faults, hasLast }: Selection): ReadonlyArray<Case> =>
  [...points].flatMap(([point, count]) =>
    (hasLast && count > 1 ? [1, count] : [1]).flatMap((ordinal) =>
      (point === "exit" ? (["before"] as const) : (["before", "after"] as const)).flatMap((when) =>
        faults.map((fault): Case => ({ scenario, timing: { point, ordinal, when, fault } }))
      )
    )
  )

/** Mulberry32: the same moments for the same seed. */
export const random = (seed: number) => {
  let state = seed
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Looper is ended at two of three random moments, a part of its run at the third. */
export const randomCases = (recordings: ReadonlyArray<Recording>, count: number, seed: number): ReadonlyArray<Case> => {
  const next = random(seed)
  return Array.from({ length: count }, (_, index): Case => {
    const recording = recordings[index % recordings.length]
    if (recording === undefined) throw new Error("there is no scenario")
    const fault = next() < 2 / 3 ? "looper" : (faults[1 + Math.floor(next() * 3)] ?? "group")
    return { scenario: recording.scenario, timing: { fault, afterMillis: next() * recording.driveMillis } }
  })
}

/** So many at a time: most of a case is waiting for processes. */
export const lanes =
  (count: number) =>
  async <A>(tasks: ReadonlyArray<() => Promise<A>>): Promise<ReadonlyArray<A>> => {
    const results: Array<A> = []
    const queue = tasks.entries()
    const lane = async () => {
      for (const [index, task] of queue) results[index] = await task()
    }
    await Promise.all(Array.from({ length: count }, lane))
    return results
  }
