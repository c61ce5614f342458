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
  "",
  "`docs/grafana-dashboard.json` is a dashboard to import, `docs/alerts.yml` a file of alert rules to load or change.",
  ""
]

const traces = [
  "",
  "## Spans and records",
  "",
  "Where `OTEL_EXPORTER_OTLP_ENDPOINT` is set, the spans of requests and operations (`/v1/traces`) and the records of the",
  "server log (`/v1/logs`) go to that collector too, as OTLP in JSON over HTTP, each second. `OTEL_EXPORTER_OTLP_HEADERS`,",
  "`OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` count as well (`docs/configuration.md`), no other `OTEL_` variable",
  "does. Configured secrets, prompts, messages, run output and the texts of errors stay here: of an error its tag goes. A",
  "collector that is slow, full or away delays nothing: a batch has one try of 5 s, then nothing is collected for a minute,",
  "and what came meanwhile is missing there. `server.telemetry.fail` in the server log says so.",
  ""
]

/** The page. */
export const metricsPage = (): string => {
  const rows = Object.values<MetricDefinition>(metricTable).map((metric) =>
    row(`\`${metric.name}\``, metric.kind, labelsOf(metric) || "none", metric.help)
  )
  const head = [row("metric", "type", "labels", "what it is"), row("---", "---", "---", "---")]
  return [...introduction, ...head, ...rows, ...traces].join("\n")
}
