/**
 * The crash matrix: Looper or a part of its run is ended at every named step, and at random moments.
 *
 *   npm run test:crash              Looper at every step, the rest at a handful of steps, 30 random moments
 *   npm run crash-matrix            everything, 300 random moments; writes the tables into docs/reliability.md
 *
 * `--scenario <name>`, `--part steps|random`, `--fault <name>`, `--point <name>` select; `--random <count>`,
 * `--seed <number>`, `--lanes <count>`. With `--full` the first two write their tables alone.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { type Case, nameOf, type Result, runCase, Worlds } from "../test/crash/cases.ts"
import { casesAt, faults, lanes, randomCases, record, type Recording } from "../test/crash/plan.ts"
import { sectionsOf, staleSteps, writeSections } from "../test/crash/table.ts"
import { startCountingZulip } from "../test/support/countingZulip.ts"

const { values: options } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    scenario: { type: "string" },
    fault: { type: "string" },
    point: { type: "string" },
    part: { type: "string" },
    random: { type: "string" },
    seed: { type: "string", default: "20260213" },
    lanes: { type: "string", default: String(availableParallelism()) }
  }
})
const seed = Number(options.seed)
const isPartOfScenario = options.fault !== undefined || options.point !== undefined
const isSelective = options.scenario !== undefined || options.part !== undefined || isPartOfScenario
if (options.full && isPartOfScenario) throw new Error("a table has all faults at all steps of a scenario")

/** In the reduced matrix other faults than Looper's hit at every such many points. */
const sparse = 12

const select = (recordings: ReadonlyArray<Recording>): ReadonlyArray<Case> => {
  const wanted = recordings.filter(({ scenario }) => scenario.name === (options.scenario ?? scenario.name))
  const at = wanted.flatMap((recording) => {
    if (options.full || isSelective) return casesAt(recording, { faults, hasLast: true })
    const others = casesAt(recording, { faults: faults.slice(1), hasLast: false })
    return [
      ...casesAt(recording, { faults: ["looper"], hasLast: false }),
      ...others.filter((_, index) => index % sparse === 0)
    ]
  })
  const random = randomCases(
    wanted,
    Number(options.random ?? (options.scenario !== undefined ? 0 : options.full ? 300 : 30)),
    seed
  )
  const parts = { steps: at, random }
  const cases = options.part === undefined ? [...at, ...random] : (parts[options.part as keyof typeof parts] ?? [])
  return cases.filter(
    ({ timing }) =>
      (options.fault ?? timing?.fault) === timing?.fault &&
      (options.point === undefined || (timing !== undefined && "point" in timing && timing.point === options.point))
  )
}

const tries = 4

/** What happens beside a sequence may come less often this time. */
const earlierTime = ({ scenario, timing }: Case, times: number): Case => {
  if (timing === undefined || !("point" in timing)) return { scenario, timing }
  return { scenario, timing: { ...timing, ordinal: Math.max(1, timing.ordinal - times) } }
}

const runUntilHit = async (worlds: Worlds, one: Case): Promise<Result> => {
  for (let count = 1; ; count++) {
    const result = await runCase(worlds, earlierTime(one, count - 1))
    if (result.status !== "missed" || count === tries) return result
  }
}

const say = (result: Result): void => {
  if (result.status === "ok" || result.status === "absent") return
  console.log(`${result.status}: ${nameOf(result.case)}`)
  for (const violation of result.violations) console.log(`  ${violation.replaceAll("\n", "\n    ")}`)
}

const begun = performance.now()
const zulip = await startCountingZulip()
const cache = mkdtempSync(join(tmpdir(), "looper-crash-cache-"))
const worlds = new Worlds({ ...zulip.env, NODE_COMPILE_CACHE: cache })
await worlds.warmUp()
const each = lanes(Number(options.lanes))
const recordings = await record(worlds, each, options.scenario)
const baseline = recordings.flatMap(({ results }) => results)
baseline.forEach(say)
const cases = select(recordings)
console.log(
  `${recordings.map(({ scenario, points }) => `${scenario.name} ${points.size}`).join(", ")} points; ` +
    `${cases.length} cases, seed ${seed}, after ${((performance.now() - begun) / 1000).toFixed(0)} s`
)
let done = 0
const results = await each(
  cases.map((one) => async () => {
    const result = await runUntilHit(worlds, one)
    say(result)
    if (++done % 100 === 0)
      console.log(`${done} of ${cases.length}, ${((performance.now() - begun) / 1000).toFixed(0)} s`)
    return result
  })
)
const ends = await worlds.close()
for (const violation of ends) console.log(`wrong after a clean end: ${violation}`)
await zulip[Symbol.asyncDispose]()
rmSync(cache, { recursive: true, force: true })

const all = [...baseline, ...results]
const wrong = all.filter(({ status }) => status === "wrong" || status === "missed")
const count = (status: Result["status"]) => all.filter((result) => result.status === status).length
console.log(
  `${count("ok")} ok, ${count("absent")} without a victim, ${count("missed")} missed, ${count("wrong")} wrong, ` +
    `in ${((performance.now() - begun) / 1000).toFixed(0)} s`
)
let stale: ReadonlyArray<string> = []
if (options.full) writeSections(sectionsOf(recordings, results, seed))
else if (!isSelective) stale = staleSteps(recordings, all)
for (const difference of stale) console.log(`docs/reliability.md: ${difference}; npm run crash-matrix writes it anew`)

const failures = wrong.length + stale.length + ends.length
const { LOOPER_TEST_REPORTS: reports } = process.env
if (reports !== undefined) {
  const summary = { numPassedTests: all.length - wrong.length, numFailedTests: failures }
  writeFileSync(join(reports, "crash.json"), JSON.stringify(summary))
}
process.exitCode = failures === 0 ? 0 : 1
