/** The tables of docs/reliability.md: made from results, and compared with them. */
import { readFileSync, writeFileSync } from "node:fs"
import { resolve } from "node:path"
import type { Fault } from "../support/faultPreload.ts"
import type { Result } from "./cases.ts"
import type { Outcome } from "./invariants.ts"
import { faults, type Recording } from "./plan.ts"
import { scenarios } from "./scenarios.ts"

const page = resolve(import.meta.dirname, "../../docs/reliability.md")
const [begin, end] = ["<!-- crash matrix: begin -->", "<!-- crash matrix: end -->"]

const row = (...cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`

const endOf = ({ code, state, cause }: Outcome): string => {
  if (code === undefined) return `never started, ${state}`
  return `${state}${state === "stopped" ? ` (${cause})` : ""} ${code}`
}

/** What became of a case's runs. */
const truthOf = ({ case: { scenario }, outcomes }: Result): string => {
  if (outcomes.length === 0) return "no run"
  if (scenario.replaces !== true) return outcomes.map(endOf).join("; ")
  return outcomes.map((outcome, index) => `${index === 0 ? "old" : "new"} ${endOf(outcome)}`).join("; ")
}

const tallied = (texts: ReadonlyArray<string>): string => {
  const counts = new Map<string, number>()
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
  return [...counts].map(([text, count]) => `${text} × ${count}`).join("<br>")
}

const isSound = ({ status }: Result): boolean => status === "ok" || status === "absent"

const cellOf = (results: ReadonlyArray<Result>): string => {
  const truths = results.map((result) => {
    if (!isSound(result)) return `**${result.status}**`
    return result.status === "absent" ? "nobody there" : truthOf(result)
  })
  return tallied(truths)
}

const isAt = (result: Result, point: string, fault: Fault): boolean => {
  const { timing } = result.case
  return timing !== undefined && "point" in timing && timing.point === point && timing.fault === fault
}

const tallyOf = (results: ReadonlyArray<Result>): string => {
  const absent = results.filter(({ status }) => status === "absent").length
  const nobody = absent === 0 ? "" : `; in ${absent} of them nobody was there to be killed`
  return `${results.length} cases; all of it held in ${results.filter(isSound).length}${nobody}.`
}

const tableOf = ({ scenario, points }: Recording, results: ReadonlyArray<Result>): string => {
  const rows = [...points.keys()].map((point) =>
    row(point, ...faults.map((fault) => cellOf(results.filter((result) => isAt(result, point, fault)))))
  )
  const head = row("step", ...faults.map((fault) => `${fault === "looper" ? "Looper" : fault} -9`))
  const about = `${scenario.about}. ${points.size} steps, ${tallyOf(results)}`
  return [about, "", head, row("---", ...faults.map(() => "---")), ...rows].join("\n")
}

const randomName = "random moments"

const randomText = (results: ReadonlyArray<Result>, seed: number): string => {
  const lines = faults.map((fault) => {
    const own = results.filter(({ case: { timing } }) => timing?.fault === fault)
    return row(fault === "looper" ? "Looper" : fault, String(own.length), String(own.filter(isSound).length))
  })
  const about = `While any of these went on, the moment and whom it hit drawn by seed ${seed}. ${tallyOf(results)}`
  return [about, "", row("-9 to", "cases", "all of it held"), row("---", "---", "---"), ...lines].join("\n")
}

const isNamed = ({ case: { timing } }: Result): boolean => timing !== undefined && "point" in timing

/** Every section that these results make, by its title. */
export const sectionsOf = (
  recordings: ReadonlyArray<Recording>,
  results: ReadonlyArray<Result>,
  seed: number
): ReadonlyMap<string, string> => {
  const named = results.filter(isNamed)
  const random = results.filter((result) => !isNamed(result))
  const sections = new Map<string, string>()
  for (const recording of recordings) {
    const own = named.filter((result) => result.case.scenario === recording.scenario)
    if (own.length > 0) sections.set(recording.scenario.name, tableOf(recording, own))
  }
  if (random.length > 0) sections.set(randomName, randomText(random, seed))
  return sections
}

/** The sections between the markers, by their titles. */
const readSections = (): ReadonlyMap<string, string> => {
  const text = readFileSync(page, "utf8").split(begin)[1]?.split(end)[0] ?? ""
  return new Map(
    text
      .split(/^### /m)
      .slice(1)
      .map((section) => {
        const cut = section.indexOf("\n")
        return [section.slice(0, cut), section.slice(cut).trim()]
      })
  )
}

/** Replaces these sections, and drops those of scenarios that are gone. */
export const writeSections = (sections: ReadonlyMap<string, string>): void => {
  const all = new Map([...readSections(), ...sections])
  const titles = [...scenarios.map(({ name }) => name), randomName]
  const text = titles.flatMap((title) => (all.has(title) ? [`### ${title}\n\n${all.get(title)}\n\n`] : [])).join("")
  const [head = "", rest = ""] = readFileSync(page, "utf8").split(begin)
  writeFileSync(page, `${head}${begin}\n\n${text}${end}${rest.split(end)[1] ?? ""}`)
}

const stepsOf = (section: string | undefined): ReadonlyArray<string> =>
  (section ?? "")
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(2)
    .map((line) => line.split(" | ")[0]?.slice(2) ?? "")

/** What the mirror does comes by time, beside the steps of any other scenario; who obeys at once needs no SIGCONT. */
const comesByTime = (step: string): boolean => /^(?:store mirror intent|write mirror batch|signal SIGCONT)$/.test(step)

/** Where the page names other steps than Looper has now. */
export const staleSteps = (
  recordings: ReadonlyArray<Recording>,
  results: ReadonlyArray<Result>
): ReadonlyArray<string> => {
  const written = readSections()
  return recordings.flatMap(({ scenario, points }) => {
    const steps = stepsOf(written.get(scenario.name))
    const elsewhere = stepsOf(written.get(scenario.beyond ?? ""))
    const seen = new Set(
      results.filter((result) => result.case.scenario === scenario).flatMap((result) => result.points)
    )
    const fresh = [...points.keys()].filter((point) => !steps.includes(point) && !elsewhere.includes(point))
    const gone = steps.filter((step) => !seen.has(step))
    const isSure = (step: string) => scenario.name === "mirror and end" || !comesByTime(step)
    return [
      ...fresh.filter(isSure).map((step) => `${scenario.name}: step "${step}" is not in the table`),
      ...gone.filter(isSure).map((step) => `${scenario.name}: there is no step "${step}" any more`)
    ]
  })
}
