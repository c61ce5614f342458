/** The dashboard and the alert rules name metrics that there are. */
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { isPossible } from "../support/possible.ts"
import { type MetricDefinition, metricTable } from "../../src/services/metrics/metricTable.ts"

const docs = join(import.meta.dirname, "../../docs")
const definitions = new Map(Object.values<MetricDefinition>(metricTable).map((metric) => [metric.name, metric]))

/** Name of a metric, of a histogram's series too, and the labels that a text asks of it. */
const named = (text: string) =>
  [...text.matchAll(/\b((?:looper|process|nodejs)_[a-z0-9_]+)(?:\{([^}]*)\})?/g)].map(
    ([, series = "", labels = ""]) => ({
      name: definitions.has(series) ? series : series.replace(/_(bucket|sum|count)$/, ""),
      labels: [...labels.matchAll(/(\w+)(=~?)"([^"]*)"/g)].map(([, label = "", operator = "", value = ""]) => ({
        label,
        operator,
        value
      }))
    })
  )

/** What a text asks that no metric has. */
const unknownIn = (text: string): ReadonlyArray<string> =>
  named(text).flatMap(({ name, labels }) => {
    const definition = definitions.get(name)
    if (definition === undefined) return [name]
    return labels
      .filter(({ label }) => label !== "instance" && label !== "job")
      .filter(({ label, operator, value }) => {
        const values: ReadonlyArray<string> | string | undefined = definition.labels[label]
        const pattern = new RegExp(`^(?:${value})$`)
        const isAsked = (known: string) => (operator === "=" ? known === value : pattern.test(known))
        return values === undefined || (typeof values !== "string" && !values.some(isAsked))
      })
      .map(({ label, operator, value }) => `${name}{${label}${operator}"${value}"}`)
  })

it("a metric, a label or a value that there is not is found", () => {
  const ended = 'looper_runs_ended_total{state="lost", cause=~"min_.+"}'
  const text = `looper_runs + looper_live_runs{a="b"} + ${ended}`
  const unknown = [
    "looper_runs",
    'looper_live_runs{a="b"}',
    'looper_runs_ended_total{state="lost"}',
    'looper_runs_ended_total{cause=~"min_.+"}'
  ]
  assert.deepStrictEqual(unknownIn(text), unknown)
})

describe("docs/alerts.yml", () => {
  const text = readFileSync(join(docs, "alerts.yml"), "utf8")

  it("names metrics and label values of the definitions", () => {
    assert.isAbove(named(text).length, 10)
    assert.deepStrictEqual(unknownIn(text), [])
  })

  const hasPromtool = spawnSync("promtool", ["--version"]).status === 0
  it.runIf(isPossible(hasPromtool, "promtool"))("fires when it should, and not else", () => {
    const { status, stdout, stderr } = spawnSync("promtool", ["test", "rules", join(import.meta.dirname, "alerts.yml")])
    assert.strictEqual(status, 0, `${stdout}${stderr}`)
  })
})

describe("docs/grafana-dashboard.json", () => {
  const dashboard = JSON.parse(readFileSync(join(docs, "grafana-dashboard.json"), "utf8"))
  const expressions: ReadonlyArray<string> = dashboard.panels.flatMap(
    (panel: { targets: ReadonlyArray<{ expr: string }> }) => panel.targets.map(({ expr }) => expr)
  )

  it("names metrics of the definitions", () => {
    assert.deepStrictEqual(unknownIn(expressions.join("\n")), [])
  })

  it("shows each metric of Looper's own", () => {
    const shown = new Set(
      named(`${expressions.join("\n")}\n${JSON.stringify(dashboard.templating)}`).map(({ name }) => name)
    )
    // What a notification took is in its step.
    const own = [...definitions.keys()].filter((name) => name.startsWith("looper_"))
    const left = own.filter((name) => !shown.has(name))
    assert.deepStrictEqual(left, [
      "looper_run_lock_held",
      "looper_notification_duration_seconds",
      "looper_follower_buffer_bytes"
    ])
  })
})
