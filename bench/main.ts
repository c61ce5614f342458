/**
 * What Looper costs, beside what bare Node, bare Hono and the kernel cost on the same machine in the same run.
 *
 *   npm run bench                       everything, each side at least five times in turns; writes docs/benchmarks.md
 *   npm run bench -- --short            everything once, with small numbers
 *   npm run bench -- run start          these scenarios
 *   npm run bench -- --looper "node --cpu-prof --cpu-prof-dir=logs looper.js" health
 *
 * `--json <file>` (logs/bench.json), `--write` writes docs/benchmarks.md in any case, `--rounds <count>`. Ends with 1
 * where something is wrong, such as a lost byte; a missed goal is no failure.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { commandLine } from "./scenarios/commandLine.ts"
import { floors } from "./scenarios/floors.ts"
import { followers } from "./scenarios/followers.ts"
import { health } from "./scenarios/health.ts"
import { history } from "./scenarios/history.ts"
import { output } from "./scenarios/output.ts"
import { processes } from "./scenarios/processes.ts"
import { replace } from "./scenarios/replace.ts"
import { run } from "./scenarios/run.ts"
import { start } from "./scenarios/start.ts"
import { thousandRuns } from "./scenarios/thousandRuns.ts"
import { writeDocument } from "./support/document.ts"
import { isMet, measuredOf, type Result } from "./support/figures.ts"
import { checkout, commandOf } from "./support/looper.ts"
import { loadText, machine } from "./support/machine.ts"
import type { Bench, Scenario } from "./support/scenario.ts"
import { tableOf } from "./support/table.ts"
import { hasWebhook } from "./support/webhook.ts"

const scenarios: ReadonlyArray<Scenario> = [
  run,
  replace,
  output,
  health,
  start,
  processes,
  history,
  followers,
  commandLine,
  thousandRuns,
  floors
]

const refuse = (why: string): never => {
  process.stderr.write(`bench: ${why}\n`)
  process.exit(2)
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    rounds: { type: "string" },
    json: { type: "string", default: join(checkout, "logs/bench.json") },
    looper: { type: "string", default: "node looper.js" }
  }
})
const names = scenarios.map(({ name }) => name)
const unknown = positionals.find((name) => !names.includes(name))
if (unknown !== undefined) refuse(`there is no scenario ${unknown}; there are ${names.join(", ")}`)
// The Loopers measured here kill every codex that they see.
if (process.env.LOOPER_TEST_PID_NAMESPACE === undefined)
  refuse("this measures in a pid namespace of its own: npm run bench")

const roundsOf = (text: string): number =>
  /^[1-9]\d*$/.test(text) ? Number(text) : refuse(`--rounds ${text}: must be a whole number from 1 on`)

const bench: Bench = {
  isShort: options.short,
  rounds: roundsOf(options.rounds ?? (options.short ? "1" : "5")),
  looper: commandOf(options.looper),
  hasWebhook: hasWebhook()
}

const say = (text: string): void => void process.stdout.write(`${text}\n`)

const perform = async ({ name, run: measure }: Scenario): Promise<Result> => {
  const begunAt = performance.now()
  try {
    const figures = await measure(bench)
    const unmeasured = figures.find((figure) => !Number.isFinite(measuredOf(figure)))
    if (unmeasured !== undefined) throw new Error(`nothing was measured of: ${unmeasured.name}`)
    say(`${name}: ${((performance.now() - begunAt) / 1_000).toFixed(1)} s`)
    return { scenario: name, figures }
  } catch (error) {
    process.stderr.write(`${name}: ${error instanceof Error ? error.stack : String(error)}\n`)
    return { scenario: name, problem: (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "" }
  }
}

const begunAt = new Date()
const loadBefore = loadText()
const results: Array<Result> = []
for (const scenario of scenarios)
  if (positionals.length === 0 || positionals.includes(scenario.name)) results.push(await perform(scenario))

const form = options.short ? "short form" : `${bench.rounds} ${bench.rounds === 1 ? "round" : "rounds"}`
const about = [
  `${begunAt.toISOString().slice(0, 16).replace("T", " ")} UTC, ${form}, \`${options.looper}\`, ${loadBefore} at the start`,
  ...machine()
]
const table = tableOf(results)
say(`\n${[...about, "", ...table].join("\n")}`)

const json = results.map((result) =>
  "figures" in result
    ? {
        ...result,
        figures: result.figures.map((figure) => ({ ...figure, measured: measuredOf(figure), isMet: isMet(figure) }))
      }
    : result
)
writeFileSync(
  options.json,
  `${JSON.stringify({ at: begunAt, form, looper: options.looper, machine: machine(), results: json }, null, 2)}\n`
)

const isWhole = !options.short && positionals.length === 0
const isWrong = results.some((result) => "problem" in result)
if (options.write || (isWhole && !isWrong)) writeDocument([`${about.join("  \n")}`, "", ...table])
process.exitCode = isWrong ? 1 : 0
