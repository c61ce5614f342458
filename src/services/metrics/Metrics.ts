/** Looper's metrics: counted where things happen, written as Prometheus reads them. */
import { Context, Layer, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"
import type { RunRecord } from "../../domain/RunRecord.ts"
import type { TickOutcome } from "../../domain/RunResult.ts"
import { type LabelsOf, type MetricDefinition, metricTable } from "./metricTable.ts"

type Table = typeof metricTable
type NamesOf<Kind extends MetricDefinition["kind"]> = {
  readonly [Name in keyof Table]: Table[Name]["kind"] extends Kind ? Name : never
}[keyof Table]

/** What counts, and what tells; nothing here fails or waits. */
export interface MetricsShape {
  /** Adds to a counter; 1 unless said otherwise. */
  readonly count: <Name extends NamesOf<"counter">>(name: Name, labels: LabelsOf<Table[Name]>, by?: number) => void
  /** Raises a counter to what something else has counted. */
  readonly reach: <Name extends NamesOf<"counter">>(name: Name, labels: LabelsOf<Table[Name]>, total: number) => void
  /** Adds a value, in the metric's unit, to a histogram. */
  readonly observe: <Name extends NamesOf<"histogram">>(
    name: Name,
    labels: LabelsOf<Table[Name]>,
    value: number
  ) => void
  readonly set: <Name extends NamesOf<"gauge">>(name: Name, labels: LabelsOf<Table[Name]>, value: number) => void
  /** All of them in Prometheus' text format, version 0.0.4. */
  readonly text: () => string
}

/** A registry of its own: Loopers that share a process do not count each other's events. */
export const makeMetrics = (): MetricsShape => {
  const context = Context.make(Metric.MetricRegistry, new Map())
  const series: Branch = { branches: new Map() }
  // Every request passes here, and Effect makes the text that names a series once for each metric.
  const labelled = (name: string, labels: Readonly<Record<string, string>>): AnyMetric => {
    const definition = metricTable[name as keyof Table]
    let branch = branchOf(series, name)
    for (const label in definition.labels) branch = branchOf(branch, labels[label] ?? "")
    // The definition's labels and no others: by those alone it is found again.
    branch.metric ??= metricOf(
      definition,
      Object.fromEntries(Object.keys(definition.labels).map((label) => [label, labels[label] ?? ""]))
    )
    return branch.metric
  }
  const update = (name: string, labels: Readonly<Record<string, string>>, value: number) =>
    labelled(name, labels).updateUnsafe(value, context)
  for (const [name, definition] of Object.entries<MetricDefinition>(metricTable)) {
    for (const labels of startsOf(definition)) labelled(name, labels).valueUnsafe(context)
  }
  return {
    count: (name, labels, by = 1) => update(name, labels, Math.max(0, by)),
    reach: (name, labels, total) => {
      const { count } = labelled(name, labels).valueUnsafe(context) as { readonly count: number }
      update(name, labels, Math.max(0, total - count))
    },
    // A wall clock that was set back makes a negative duration.
    observe: (name, labels, value) => update(name, labels, Math.max(0, value)),
    set: update,
    text: () => PrometheusMetrics.formatUnsafe(context)
  }
}

/** The metrics of the Looper that somebody belongs to; what belongs to none counts for nobody. */
export const Metrics = Context.Reference<MetricsShape>("looper/services/metrics/Metrics", { defaultValue: makeMetrics })

/** The metrics of one Looper. */
export const layerMetrics = Layer.sync(Metrics, makeMetrics)

/** Counts a run whose end stands in its record. */
export const countEnd = (metrics: MetricsShape, { state, cause, durationMillis, logBytes }: RunRecord): void => {
  if (state === "starting" || state === "running" || cause === undefined) return
  metrics.count("runsEnded", { state, cause })
  if (durationMillis !== undefined) metrics.observe("runDuration", { state }, durationMillis / 1_000)
  metrics.count("runLogBytes", {}, logBytes ?? 0)
}

/** Counts a message, or a notice, by what became of it, and how long that took. */
export const countMessage = (
  metrics: MetricsShape,
  message: { readonly isDelivered: boolean; readonly tookMillis: number }
): void => {
  metrics.count("notifications", { outcome: message.isDelivered ? "delivered" : "failed" })
  metrics.observe("notificationDuration", {}, message.tookMillis / 1_000)
}

/** A tick's labels; of a failure, whose reason is any tag, `error`. */
export const tickLabels = (tick: TickOutcome): LabelsOf<Table["autopollTicks"]> => {
  if (tick.outcome === "skipped") return { outcome: tick.outcome, reason: tick.reason }
  return { outcome: tick.outcome, reason: tick.outcome === "started" ? "none" : "error" }
}

type AnyMetric = Metric.Metric<number, unknown>

/** Series by name, then by the value of each label in the table's order. */
interface Branch {
  readonly branches: Map<string, Branch>
  metric?: AnyMetric
}

const branchOf = ({ branches }: Branch, value: string): Branch => {
  const known = branches.get(value)
  if (known !== undefined) return known
  const fresh: Branch = { branches: new Map() }
  branches.set(value, fresh)
  return fresh
}

const metricOf = (
  { kind, name, help, boundaries }: MetricDefinition,
  attributes: Metric.Metric.Attributes
): AnyMetric => {
  const options = { description: help, attributes }
  if (kind === "counter") return Metric.counter(name, { ...options, incremental: true })
  if (kind === "gauge") return Metric.gauge(name, options)
  return Metric.histogram(name, { ...options, boundaries: boundaries ?? [] })
}

/** The series that stand at 0 from the start; a gauge's are those of its first scrape. */
const startsOf = ({ kind, labels, startsWith }: MetricDefinition): ReadonlyArray<Readonly<Record<string, string>>> => {
  if (kind === "gauge") return []
  if (startsWith !== undefined) return startsWith
  const [own, ...others] = Object.entries(labels)
  if (own === undefined) return [{}]
  const [label, values] = own
  return others.length > 0 || typeof values === "string" ? [] : values.map((value) => ({ [label]: value }))
}
