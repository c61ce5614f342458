/** Every metric of Looper: its name, its meaning and the values that its labels may have. */
import { Step } from "../../domain/errors.ts"
import { EndCause, StopCause } from "../../domain/RunRecord.ts"
import { skipReasons } from "../../domain/RunResult.ts"

/** A label's values; a text where they are not listed here says what bounds them. */
type LabelValues = ReadonlyArray<string> | string

/** A metric as Prometheus shows it. */
export interface MetricDefinition {
  readonly kind: "counter" | "gauge" | "histogram"
  /** Ends in its base unit; a counter in `_total`. */
  readonly name: string
  readonly help: string
  readonly labels: Readonly<Record<string, LabelValues>>
  /** Upper bounds of a histogram's buckets, in its unit. */
  readonly boundaries?: ReadonlyArray<number>
  /** What stands at 0 from the start, so that a first event is an increase; otherwise every value of a lone label. */
  readonly startsWith?: ReadonlyArray<Readonly<Record<string, string>>>
}

/** Labels with a value each; one that is listed, where they are. */
export type LabelsOf<D extends MetricDefinition> = {
  readonly [Name in keyof D["labels"]]: D["labels"][Name] extends ReadonlyArray<infer Value> ? Value & string : string
}

const none = {}
/** From a request that reads memory to one that waits for a message. */
const requestSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const stepSeconds = [0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 3_600]
/** From a run that fails at once to one of days. */
const runSeconds = [1, 10, 60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 259_200]

const ends = [
  { state: "succeeded", cause: "exited" },
  { state: "failed", cause: "exited" },
  { state: "failed", cause: "not_started" },
  { state: "interrupted", cause: "interrupted" },
  ...StopCause.literals.map((cause) => ({ state: "stopped", cause }))
]
const ticks = [
  { outcome: "started", reason: "none" },
  { outcome: "failed", reason: "error" },
  ...skipReasons.map((reason) => ({ outcome: "skipped", reason }))
]

/** The metrics, in the order of their documentation; those of the process are named as Prometheus' clients name them. */
export const metricTable = {
  buildInfo: {
    kind: "gauge",
    name: "looper_build_info",
    help: "1; its label is Looper's version",
    labels: { version: "this Looper's version" }
  },
  runsEnded: {
    kind: "counter",
    name: "looper_runs_ended_total",
    help: "Runs whose end this Looper recorded, by state and cause",
    labels: { state: ["succeeded", "failed", "stopped", "interrupted"], cause: EndCause.literals },
    startsWith: ends
  },
  runDuration: {
    kind: "histogram",
    name: "looper_run_duration_seconds",
    help: "How long codex lived, where Looper saw its end",
    labels: { state: ["succeeded", "failed", "stopped", "interrupted"] },
    boundaries: runSeconds
  },
  runLogBytes: {
    kind: "counter",
    name: "looper_run_log_bytes_total",
    help: "Bytes of the complete logs of runs that ended",
    labels: none
  },
  liveRuns: {
    kind: "gauge",
    name: "looper_live_runs",
    help: "Runs that have not ended, an earlier Looper's too",
    labels: none
  },
  liveLogBytes: {
    kind: "gauge",
    name: "looper_live_run_log_bytes",
    help: "Bytes in the logs of live runs",
    labels: none
  },
  mirrorLag: {
    kind: "gauge",
    name: "looper_mirror_lag_bytes",
    help: "Bytes in the logs of live runs that are not in the server log yet, an unfinished line's too",
    labels: none
  },
  freeBytes: {
    kind: "gauge",
    name: "looper_log_folder_free_bytes",
    help: "Free space where the run logs are",
    labels: none
  },
  stepDuration: {
    kind: "histogram",
    name: "looper_step_duration_seconds",
    help: "How long a step of a run's sequence, or its stop, took",
    labels: { step: [...Step.literals, "stop"], result: ["ok", "error"] },
    boundaries: stepSeconds
  },
  lockHeld: {
    kind: "gauge",
    name: "looper_run_lock_held",
    help: "1 while a sequence is in progress",
    labels: none
  },
  killSignals: {
    kind: "counter",
    name: "looper_kill_signals_total",
    help: "Processes to which a termination sent this signal; denied where it may not",
    labels: { signal: ["SIGTERM", "SIGKILL"], outcome: ["sent", "denied"] },
    startsWith: ["SIGTERM", "SIGKILL"].flatMap((signal) => ["sent", "denied"].map((outcome) => ({ signal, outcome })))
  },
  killSurvivors: {
    kind: "counter",
    name: "looper_kill_survivors_total",
    help: "Processes that outlived a termination",
    labels: none
  },
  killDuration: {
    kind: "histogram",
    name: "looper_kill_duration_seconds",
    help: "How long a termination that signalled somebody took",
    labels: none,
    boundaries: stepSeconds
  },
  autopollTicks: {
    kind: "counter",
    name: "looper_autopoll_ticks_total",
    help: "Autopoll ticks, those of POST /autopoll/tick too, by outcome and why",
    labels: { outcome: ["started", "skipped", "failed"], reason: ["none", "error", ...skipReasons] },
    startsWith: ticks
  },
  autopollOn: { kind: "gauge", name: "looper_autopoll_on", help: "1 where autopoll is configured on", labels: none },
  autopollPaused: { kind: "gauge", name: "looper_autopoll_paused", help: "1 while it is paused", labels: none },
  autopollFailures: {
    kind: "gauge",
    name: "looper_autopoll_failures_in_a_row",
    help: "Failures in a row, as the backoff counts them",
    labels: none
  },
  autopollBackoff: {
    kind: "gauge",
    name: "looper_autopoll_backoff_seconds",
    help: "How long ticks still wait after failures",
    labels: none
  },
  notifications: {
    kind: "counter",
    name: "looper_notifications_total",
    help: "Messages and notices by outcome; failed also where delivery cannot be proved, or a notice was dropped",
    labels: { outcome: ["delivered", "failed"] }
  },
  notificationDuration: {
    kind: "histogram",
    name: "looper_notification_duration_seconds",
    help: "How long a message or a notice took, retries included",
    labels: none,
    boundaries: requestSeconds
  },
  followers: {
    kind: "gauge",
    name: "looper_log_followers",
    help: "Followers of run logs",
    labels: none
  },
  followedLogs: { kind: "gauge", name: "looper_followed_logs", help: "Logs that somebody follows", labels: none },
  followedBytes: {
    kind: "gauge",
    name: "looper_follower_buffer_bytes",
    help: "Memory that is kept for followers",
    labels: none
  },
  httpRequests: {
    kind: "counter",
    name: "looper_http_requests_total",
    help: "Answered requests",
    labels: {
      method: ["GET", "HEAD", "POST", "other"],
      route: "the routes' templates, and `other`",
      status: "the status codes that Looper answers with"
    }
  },
  httpDuration: {
    kind: "histogram",
    name: "looper_http_request_duration_seconds",
    help: "From a request's header to its answer's, whatever its body takes",
    labels: { method: ["GET", "HEAD", "POST", "other"], route: "the routes' templates, and `other`" },
    boundaries: requestSeconds
  },
  cpu: {
    kind: "counter",
    name: "process_cpu_seconds_total",
    help: "Processor time of Looper, user and system",
    labels: none
  },
  startTime: {
    kind: "gauge",
    name: "process_start_time_seconds",
    help: "When Looper's process started, since the epoch",
    labels: none
  },
  residentMemory: {
    kind: "gauge",
    name: "process_resident_memory_bytes",
    help: "Looper's resident memory",
    labels: none
  },
  openFds: { kind: "gauge", name: "process_open_fds", help: "Looper's open descriptors, on Linux", labels: none },
  maxFds: {
    kind: "gauge",
    name: "process_max_fds",
    help: "How many descriptors Looper may open, on Linux",
    labels: none
  },
  heapUsed: {
    kind: "gauge",
    name: "nodejs_heap_size_used_bytes",
    help: "Used part of the JavaScript heap",
    labels: none
  },
  heapTotal: { kind: "gauge", name: "nodejs_heap_size_total_bytes", help: "The JavaScript heap", labels: none },
  lag: {
    kind: "gauge",
    name: "nodejs_eventloop_lag_seconds",
    help: "One turn of the event loop at this scrape",
    labels: none
  },
  lagMean: {
    kind: "gauge",
    name: "nodejs_eventloop_lag_mean_seconds",
    help: "Mean delay of the event loop since the scrape before",
    labels: none
  },
  lagMax: {
    kind: "gauge",
    name: "nodejs_eventloop_lag_max_seconds",
    help: "Longest delay of the event loop since the scrape before",
    labels: none
  },
  lagP99: {
    kind: "gauge",
    name: "nodejs_eventloop_lag_p99_seconds",
    help: "99th percentile of the event loop's delay since the scrape before",
    labels: none
  }
} as const satisfies Readonly<Record<string, MetricDefinition>>
