/** Cases of the crash matrix: one scenario, one fault at one moment, and what is true afterwards. */
import { setTimeout as delay } from "node:timers/promises"
import type { Arming, Fault, Hit } from "../support/faultPreload.ts"
import { findViolations, type Outcome } from "./invariants.ts"
import { awaitEnds, type Scenario } from "./scenarios.ts"
import { World } from "./world.ts"

/** Where the fault hits: at a named point, at a random moment, or nowhere. */
export type Timing = Arming | { readonly fault: Fault; readonly afterMillis: number } | undefined

export interface Case {
  readonly scenario: Scenario
  readonly timing: Timing
}

export interface Result {
  readonly case: Case
  /** `absent`: the fault's victim was not there yet, or no more; `missed`: the point did not come this time. */
  readonly status: "ok" | "wrong" | "absent" | "missed"
  readonly violations: ReadonlyArray<string>
  /** Of the scenario's own runs: one that lived before it, then one that it started. */
  readonly outcomes: ReadonlyArray<Outcome>
  /** The side effects in their order. */
  readonly points: ReadonlyArray<string>
  readonly driveMillis: number
}

/** Folders go on to the next case, so that each begins with what the crashes before it left; this many cases each. */
const casesPerWorld = 10

export class Worlds {
  private readonly idle = new Map<string, Array<World>>()
  private readonly env: Readonly<Record<string, string>>

  constructor(env: Readonly<Record<string, string>>) {
    this.env = env
  }

  /** A Looper that ends by itself leaves its compiled modules to those after it. */
  async warmUp(): Promise<void> {
    await using world = new World(this.env)
    await mustStart(world)
    world.looper?.child.kill("SIGTERM")
    await world.looper?.exited
  }

  take({ env }: Scenario): World {
    return this.idle.get(JSON.stringify(env))?.pop() ?? new World({ ...this.env, ...env })
  }

  give({ env }: Scenario, world: World): void {
    const key = JSON.stringify(env)
    this.idle.set(key, [...(this.idle.get(key) ?? []), world])
  }

  /** Ends all that are left, and removes them; gives what is wrong then. */
  async close(): Promise<ReadonlyArray<string>> {
    const violations: Array<string> = []
    for (const world of [...this.idle.values()].flat()) {
      violations.push(...(await violationsOfEnd(world)))
      await world[Symbol.asyncDispose]()
    }
    return violations
  }
}

/** A Looper that is told to end leaves nothing but logs, database and lock file. */
const violationsOfEnd = async (world: World): Promise<ReadonlyArray<string>> => {
  world.looper?.child.kill("SIGTERM")
  const exit = await world.looper?.exited
  const isClean = exit?.code === 0
  return [...(isClean ? [] : [`Looper ended with ${JSON.stringify(exit)}`]), ...findViolations(world).violations]
}

/** More than one codex at any time. */
const watchRivals = (world: World) => {
  const rivals = new Set<string>()
  const codexes = () => world.members().filter(({ isCodex, isWaiting }) => isCodex && !isWaiting)
  const look = () => {
    const first = new Set(codexes().map(({ runId }) => runId))
    if (first.size < 2) return
    // One may have ended, and the next begun, in the middle of a look.
    const both = new Set(codexes().flatMap(({ runId }) => (first.has(runId) ? [runId] : [])))
    if (both.size > 1) rivals.add([...both].join(", "))
  }
  const timer = setInterval(look, 40)
  return {
    rivals,
    [Symbol.dispose]: () => clearInterval(timer)
  }
}

const strikeAfter = async (world: World, { fault, afterMillis }: { fault: Fault; afterMillis: number }) => {
  await delay(afterMillis)
  if (fault !== "looper") return world.arm(fault)
  if (!world.isGone()) world.hits.push({ fault })
  return world.crash()
}

/** Runs one case in a folder of its own or of cases before it. */
export const runCase = async (worlds: Worlds, { scenario, timing }: Case): Promise<Result> => {
  const world = worlds.take(scenario)
  const tally = {
    case: { scenario, timing },
    outcomes: [] as ReadonlyArray<Outcome>,
    points: [] as ReadonlyArray<string>,
    driveMillis: 0
  }
  let result: Result
  try {
    result = { ...tally, ...(await runIn(world, scenario, timing)) }
  } catch (error) {
    const violation = `${(error as Error).message}; Looper printed: ${world.output()}`
    result = { ...tally, status: "wrong", violations: [violation] }
  }
  if (result.status !== "wrong" && world.cases < casesPerWorld) worlds.give(scenario, world)
  else await world[Symbol.asyncDispose]()
  return result
}

const runIn = async (world: World, scenario: Scenario, timing: Timing): Promise<Omit<Result, "case">> => {
  using watch = watchRivals(world)
  world.causes = scenario.causes
  if (world.isGone()) await mustStart(world)
  await scenario.prepare(world)
  const offset = world.traceSize
  const hits = world.hits.length
  const begun = performance.now()
  const isArming = timing !== undefined && "point" in timing
  const drive = scenario.drive(world, isArming ? timing : undefined)
  await (timing === undefined || isArming ? drive : Promise.all([drive, strikeAfter(world, timing)]))
  const driveMillis = performance.now() - begun
  await world.arm(undefined)
  const { points, hits: traced } = world.traceFrom(offset)
  world.hits.push(...traced)
  const struck: ReadonlyArray<Hit> = world.hits.slice(hits)
  const left = scenario.endsRuns === true && !struck.some(({ fault }) => fault === "looper") ? world.members() : []
  const unended = left.map(({ pid, runId }) => `process ${pid} of ${runId} outlived the end of its run`)
  if (world.isGone()) {
    const exit = await world.looper?.exited
    const isClean = exit === undefined || exit.signal !== null || exit.code === 0
    if (!isClean) unended.push(`Looper ended with ${exit.code}: ${world.output().split("\n").slice(-3).join(" ")}`)
    await mustStart(world)
  }
  if (scenario.isStart && timing?.fault === "looper") {
    // What a start had half done was done by another one: that one may be ended, too.
    await world.crash()
    await mustStart(world)
  }
  const again = (await scenario.repeat?.(world)) ?? []
  await runOnce(world)
  const known = new Set(world.causesOf.keys())
  const findings = findViolations(world)
  world.cases += 1
  const violations = [
    ...findings.violations,
    ...unended,
    ...again,
    ...[...watch.rivals].map((pair) => `these ran at one time: ${pair}`),
    ...(world.cases < casesPerWorld ? [] : await violationsOfEnd(world))
  ]
  const outcomes = findings.outcomes.filter(({ runId, prompt }) => !known.has(runId) && prompt !== checkPrompt)
  const isMissed = isArming && struck.length === 0
  const isAbsent = timing !== undefined && struck.every(({ fault, runId }) => fault !== "looper" && runId === undefined)
  const status = violations.length > 0 ? "wrong" : isMissed ? "missed" : isAbsent ? "absent" : "ok"
  return { status, violations, outcomes, points, driveMillis }
}

const mustStart = async (world: World): Promise<void> => {
  if (await world.start()) return
  throw new Error("a Looper without a fault did not start")
}

const checkPrompt = "ends 0 12"

/** The run after the fault: it must start, end and be the only one. */
const runOnce = async (world: World): Promise<void> => {
  const answer = await world.request("POST", "/run", { body: { zulip_message: "m", codex_prompt: checkPrompt } })
  if (answer.status !== 200) throw new Error(`the run after the fault is refused: ${answer.text}`)
  const runId = String(answer.body?.request_id)
  const others = world.members().filter((member) => member.runId !== runId)
  if (others.length > 0) throw new Error(`beside it live ${JSON.stringify(others)}`)
  await awaitEnds(world)
  if (world.isGone()) throw new Error("Looper ended by itself")
}

/** For a failure's message. */
export const nameOf = ({ scenario, timing }: Case): string => {
  if (timing === undefined) return `${scenario.name}, without a fault`
  if (!("point" in timing)) return `${scenario.name}, ${timing.fault} -9 after ${timing.afterMillis.toFixed(1)} ms`
  return `${scenario.name}, ${timing.fault} -9 ${timing.when} "${timing.point}" ${timing.ordinal}`
}
