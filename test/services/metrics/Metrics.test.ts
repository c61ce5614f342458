/** What is counted, and how it is written. */
import { assert, describe, it } from "@effect/vitest"
import { type LabelsOf, type MetricDefinition, metricTable } from "../../../src/services/metrics/metricTable.ts"
import { countEnd, makeMetrics, type MetricsShape, tickLabels } from "../../../src/services/metrics/Metrics.ts"
import type { RunRecord } from "../../../src/domain/RunRecord.ts"
import { increases, seriesOf } from "../../support/scrape.ts"

const definitions = Object.values<MetricDefinition>(metricTable)

/** What a change adds to counters. */
const counted = (change: (metrics: MetricsShape) => void) => {
  const metrics = makeMetrics()
  const before = metrics.text()
  change(metrics)
  return increases(before, metrics.text(), /_(total|count|sum)(\{|$)/)
}

const ended = (more: Partial<RunRecord>): RunRecord => ({
  requestId: "0a1b2c3d",
  state: "succeeded",
  cause: "exited",
  returnCode: 0,
  error: undefined,
  operation: undefined,
  reason: undefined,
  startedAtMillis: 0,
  endedAtMillis: 1,
  durationMillis: undefined,
  workspace: "/w",
  logPath: "/l",
  logBytes: undefined,
  isLogPruned: false,
  identity: undefined,
  ...more
})

describe("the definitions", () => {
  it("follow Prometheus' rules for names, and have a sentence each", () => {
    for (const { kind, name, help } of definitions) {
      assert.match(name, /^(looper|process|nodejs)_[a-z0-9_]+$/)
      assert.strictEqual(name.endsWith("_total"), kind === "counter", name)
      if (kind === "histogram") assert.match(name, /_(seconds|bytes)$/)
      assert.isAbove(help.length, 5, name)
    }
    assert.strictEqual(new Set(definitions.map(({ name }) => name)).size, definitions.length)
  })

  it("have no label that a request chooses", () => {
    const open = definitions.flatMap(({ labels }) =>
      Object.entries(labels).flatMap(([name, values]) => (typeof values === "string" ? [name] : []))
    )
    assert.deepStrictEqual([...new Set(open)].toSorted(), ["route", "status", "version"])
  })
})

describe("makeMetrics", () => {
  it("gives a series the labels of its definition and no others", () => {
    const labels = { method: "GET", route: "/status", status: "404" } as const
    const counts = counted((metrics) => {
      metrics.count("httpRequests", labels)
      metrics.observe("httpDuration", labels, 0)
    })
    assert.deepStrictEqual(counts, {
      'looper_http_requests_total{method="GET",route="/status",status="404"}': 1,
      'looper_http_request_duration_seconds_count{method="GET",route="/status"}': 1
    })
  })

  it("begins with every expected series of a counter at 0", () => {
    const series = seriesOf(makeMetrics().text())
    assert.strictEqual(series.get('looper_runs_ended_total{state="failed",cause="exited"}'), 0)
    assert.strictEqual(series.get("looper_kill_survivors_total"), 0)
    assert.strictEqual(series.get('looper_notifications_total{outcome="failed"}'), 0)
    for (const [name, value] of series) assert.strictEqual(value, 0, name)
  })

  it("keeps the counts of two Loopers apart", () => {
    const [one, other] = [makeMetrics(), makeMetrics()]
    one.count("killSurvivors", {}, 2)
    assert.strictEqual(seriesOf(one.text()).get("looper_kill_survivors_total"), 2)
    assert.strictEqual(seriesOf(other.text()).get("looper_kill_survivors_total"), 0)
  })

  it("counts by the values of labels, in whatever order they come", () => {
    const metrics = makeMetrics()
    metrics.count("runsEnded", { state: "failed", cause: "exited" })
    metrics.count("runsEnded", { cause: "exited", state: "failed" })
    metrics.count("runsEnded", { state: "stopped", cause: "request" })
    const series = seriesOf(metrics.text())
    assert.strictEqual(series.get('looper_runs_ended_total{state="failed",cause="exited"}'), 2)
    assert.strictEqual(series.get('looper_runs_ended_total{state="stopped",cause="request"}'), 1)
  })

  it("puts a value into every bucket that holds it", () => {
    const metrics = makeMetrics()
    metrics.observe("killDuration", {}, 0.3)
    metrics.observe("killDuration", {}, 100_000)
    const series = seriesOf(metrics.text())
    const bucket = (le: string) => series.get(`looper_kill_duration_seconds_bucket{le="${le}"}`)
    assert.deepStrictEqual(["0.1", "0.5", "3600", "+Inf"].map(bucket), [0, 1, 1, 2])
    assert.strictEqual(series.get("looper_kill_duration_seconds_sum"), 100_000.3)
  })

  it("takes a duration over a clock that was set back as none", () => {
    const labels = { step: "kill", result: "ok" } as const
    const difference = counted((metrics) => metrics.observe("stepDuration", labels, -5))
    assert.deepStrictEqual(difference, { 'looper_step_duration_seconds_count{step="kill",result="ok"}': 1 })
  })

  it("raises a counter to what was counted elsewhere, and never lowers it", () => {
    const metrics = makeMetrics()
    for (const total of [1.5, 2, 1]) metrics.reach("cpu", {}, total)
    assert.strictEqual(seriesOf(metrics.text()).get("process_cpu_seconds_total"), 2)
  })
})

describe("a run's end", () => {
  it("counts its state and cause, how long it lived, and its log", () => {
    const record = ended({ state: "stopped", cause: "max_seconds", durationMillis: 2_500, logBytes: 7 })
    assert.deepStrictEqual(
      counted((metrics) => countEnd(metrics, record)),
      {
        'looper_runs_ended_total{state="stopped",cause="max_seconds"}': 1,
        'looper_run_duration_seconds_count{state="stopped"}': 1,
        'looper_run_duration_seconds_sum{state="stopped"}': 2.5,
        looper_run_log_bytes_total: 7
      }
    )
  })

  it("has no duration where nobody knows it", () => {
    const record = ended({ state: "interrupted", cause: "interrupted" })
    const difference = counted((metrics) => countEnd(metrics, record))
    assert.deepStrictEqual(difference, { 'looper_runs_ended_total{state="interrupted",cause="interrupted"}': 1 })
  })
})

it("a tick has a reason of the list, whatever its failure was", () => {
  const expected: ReadonlyArray<LabelsOf<typeof metricTable.autopollTicks>> = [
    { outcome: "started", reason: "none" },
    { outcome: "skipped", reason: "backoff" },
    { outcome: "failed", reason: "error" }
  ]
  assert.deepStrictEqual(
    [
      tickLabels({ outcome: "started" }),
      tickLabels({ outcome: "skipped", reason: "backoff" }),
      tickLabels({ outcome: "failed", reason: "SpawnFailed" })
    ],
    expected
  )
})
