/** docs/metrics.md, made of the metrics' definitions. */
import { type MetricDefinition, metricTable } from "../src/services/metrics/metricTable.ts"
import { row } from "./table.ts"

const labelsOf = ({ labels }: MetricDefinition): string =>
  Object.entries(labels)
    .map(([name, values]) => {
      const told = typeof values === "string" ? values : values.map((value) => `\`${value}\``).join(", ")
      return `\`${name}\`: ${told}`
    })
    .join("; ")

const introduction = [
  "# Metrics",
  "",
  "`GET /metrics` answers in Prometheus' text format, version 0.0.4, with the access of `/status`: where a token is set,",
  "Prometheus sends it as `authorization: { credentials_file: … }` of the scrape job. Counters begin at 0 with each",
  "Looper; gauges are read at the scrape, which scans no processes and reads no database. No label has a value that a",
  "request chooses: no ids, paths or prompts. Made from the code by `npm run docs`.",
  ""
]

/** The page. */
export const metricsPage = (): string => {
  const rows = Object.values<MetricDefinition>(metricTable).map((metric) =>
    row(`\`${metric.name}\``, metric.kind, labelsOf(metric) || "none", metric.help)
  )
  const head = [row("metric", "type", "labels", "what it is"), row("---", "---", "---", "---")]
  return [...introduction, ...head, ...rows, ""].join("\n")
}
