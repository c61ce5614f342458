/** Looper's services as layers: everything the operations need, in the order in which they must end. */
import { Layer, Effect } from "effect"
import { layerLogging } from "./logging.ts"
import { Autopoll } from "./services/Autopoll.ts"
import { CodexBinary } from "./services/CodexBinary.ts"
import { CodexProcesses } from "./services/processes/CodexProcesses.ts"
import { DefaultPrompt } from "./services/DefaultPrompt.ts"
import { FolderLock } from "./services/FolderLock.ts"
import { layerNotifierClient } from "./services/delivery/nodeClient.ts"
import { layerLog } from "./services/notifiers/LogNotifier.ts"
import { LooperConfig } from "./services/config/LooperConfig.ts"
import { LogFolder } from "./services/runs/LogFolder.ts"
import { MirrorRecovery } from "./services/mirror/MirrorRecovery.ts"
import { Notices } from "./services/Notices.ts"
import { NotifyScript } from "./services/notifiers/NotifyScript.ts"
import { layerMetrics } from "./services/metrics/Metrics.ts"
import { ProcessTable } from "./services/processes/ProcessTable.ts"
import { ProcessTrees } from "./services/processes/ProcessTrees.ts"
import { layerPs } from "./services/processes/PsProcessTable.ts"
import { Database } from "./services/records/Database.ts"
import { RunLogRetention } from "./services/records/RunLogRetention.ts"
import { RunRecords } from "./services/records/RunRecords.ts"
import { StoredAnswers } from "./services/records/StoredAnswers.ts"
import { RequestIds } from "./services/RequestIds.ts"
import { RunLock } from "./services/runs/RunLock.ts"
import { RunLogFeeds } from "./services/runs/RunLogFeeds.ts"
import { RunLogs } from "./services/runs/RunLogs.ts"
import { RunSupervisor } from "./services/runs/RunSupervisor.ts"
import { RunTickets } from "./services/runs/RunTickets.ts"
import { ServerAddress } from "./services/ServerAddress.ts"
import { ServerLog } from "./services/serverLog/ServerLog.ts"
import { StartTime } from "./services/StartTime.ts"
import { Shutdown } from "./services/Shutdown.ts"
import { Workspaces } from "./services/Workspaces.ts"
import { layerTelemetry } from "./telemetry.ts"
import { layerWebhook } from "./services/notifiers/WebhookNotifier.ts"
import { layerZulip } from "./services/zulip/ZulipNotifier.ts"

const layerNotifier = Layer.unwrap(
  Effect.map(LooperConfig, ({ notifier }) => {
    if (notifier === "log") return layerLog
    return Layer.provide(notifier === "webhook" ? layerWebhook : layerZulip, layerNotifierClient)
  })
)

/** What a program may replace: by a log that is not copied to stdout, another table, grace or notifier. */
export const layerParts = {
  serverLog: ServerLog.layerNoDeps,
  processTable: process.platform === "linux" ? ProcessTable.layer : layerPs,
  processTrees: ProcessTrees.layerNoDeps,
  notifier: layerNotifier
}

/**
 * Every service of the operations over one configuration.
 *
 * **Details** Built from the bottom up and ended from the top down: the lock first, which cuts waits; then the stored
 * answers, which wait for those of the cut sequences; then the supervisor, which stops runs or leaves them and
 * completes the logs of those that end; then the notices of those ends; then records and database, the server log and
 * the folder's lock.
 */
export const layerWith = <E, R>(
  config: Layer.Layer<LooperConfig, E, R>,
  parts: {
    readonly serverLog: typeof ServerLog.layerNoDeps
    readonly processTable: Layer.Layer<ProcessTable>
    readonly processTrees: typeof ProcessTrees.layerNoDeps
    readonly notifier: typeof layerNotifier
  } = layerParts
) => {
  const logs = MirrorRecovery.layerWarnings.pipe(
    Layer.provideMerge(Layer.provideMerge(layerTelemetry, layerLogging)),
    Layer.provideMerge(parts.serverLog),
    Layer.provideMerge(MirrorRecovery.layerNoDeps),
    Layer.provideMerge(LogFolder.layerNoDeps),
    Layer.provideMerge(FolderLock.layerNoDeps),
    Layer.provideMerge(Layer.merge(config, layerMetrics))
  )
  const base = Layer.mergeAll(
    Shutdown.layerNoDeps,
    RunLogs.layerNoDeps,
    CodexBinary.layerNoDeps,
    DefaultPrompt.layerNoDeps,
    Workspaces.layerNoDeps,
    parts.notifier,
    parts.processTable,
    ServerAddress.layer,
    StartTime.layer
  )
  const runs = RunSupervisor.layerNoDeps.pipe(
    Layer.provideMerge(parts.processTrees),
    Layer.provideMerge(Autopoll.layerNoDeps),
    Layer.provideMerge(Notices.layerNoDeps)
  )
  const records = Layer.mergeAll(RunRecords.layerNoDeps, RunLogRetention.layerNoDeps).pipe(
    Layer.provideMerge(Database.layerNoDeps)
  )
  const aboveRuns = Layer.mergeAll(
    CodexProcesses.layerNoDeps,
    NotifyScript.layerNoDeps,
    RequestIds.layerNoDeps,
    RunLogFeeds.layerNoDeps,
    RunTickets.layerNoDeps,
    StoredAnswers.layerNoDeps
  )
  return RunLock.layerNoDeps.pipe(
    Layer.provideMerge(aboveRuns),
    Layer.provideMerge(runs),
    Layer.provideMerge(records),
    Layer.provideMerge(base),
    Layer.provideMerge(logs)
  )
}
