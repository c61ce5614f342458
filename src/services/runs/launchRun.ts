/** A run's beginning: its supervisor is started, who codex will be is stored, and exec is waited for. */
import { Deferred, Effect } from "effect"
import { SpawnFailed } from "../../domain/errors.ts"
import type { RequestId } from "../../domain/RequestId.ts"
import type { RunIdentity } from "../../domain/runLog.ts"
import { isBeforeExec } from "../../domain/supervisor.ts"
import { ProcessTable } from "../processes/ProcessTable.ts"
import { RunRecords } from "../records/RunRecords.ts"
import { type RunLog, RunLogs } from "./RunLogs.ts"
import { monotonicMillis } from "../Shutdown.ts"
import { type SupervisorProcess, startSupervisor } from "./supervisorProcess.ts"

/** What to start. */
export interface Launch {
  readonly requestId: RequestId
  readonly argv: ReadonlyArray<string>
  readonly workspace: string
  readonly environment: Readonly<Record<string, string>>
  readonly log: RunLog
}

/** Exec is a matter of milliseconds; whoever waits for it gives up after this. */
const execBoundMillis = 5_000
const execLookEveryMillis = 1

/**
 * Starts the supervisor and stores who codex is, in the side file and the record; codex waits for `go`.
 *
 * **Errors** `SpawnFailed`: nothing was started.
 */
export const prepareRun = Effect.fnUntraced(function* (
  launch: Launch
): Effect.fn.Return<
  { readonly process: SupervisorProcess; readonly identity: RunIdentity },
  SpawnFailed,
  ProcessTable | RunLogs | RunRecords
> {
  const process = yield* startSupervisor({
    argv: launch.argv,
    workingDirectory: launch.workspace,
    environment: launch.environment,
    log: launch.log
  })
  const identity = yield* register(launch, process).pipe(Effect.onError(() => process.abandon))
  return { process, identity }
})

const register = Effect.fnUntraced(function* (launch: Launch, process: SupervisorProcess) {
  const table = yield* ProcessTable
  const supervisor = yield* table.find(process.supervisorPid)
  const codex = yield* table.find(process.codexPid)
  if (supervisor === undefined || codex === undefined) {
    return yield* new SpawnFailed({ reason: "the supervisor ended at once" })
  }
  const identity: RunIdentity = {
    requestId: launch.requestId,
    bootId: table.bootId,
    supervisor,
    codex,
    workspace: launch.workspace,
    startedAtMillis: yield* monotonicMillis
  }
  yield* (yield* RunLogs)
    .writeIdentity(launch.log, identity)
    .pipe(Effect.mapError((cause) => new SpawnFailed({ reason: cause.reason, cause })))
  yield* (yield* RunRecords).identify(identity)
  return identity
})

/** Waits until codex replaced the shell that stood in its place, or will not. */
export const awaitExec = Effect.fnUntraced(function* (table: ProcessTable["Service"], process: SupervisorProcess) {
  const boundAt = (yield* monotonicMillis) + execBoundMillis
  for (;;) {
    if (yield* Deferred.isDone(process.execFailure)) return
    if (yield* Deferred.isDone(process.exited)) return
    // codex was let go: nothing may fail any more.
    const argv = yield* Effect.catchDefect(table.argv(process.codexPid), () => Effect.succeed([]))
    if (argv.length > 0 && !isBeforeExec(argv)) return
    if ((yield* monotonicMillis) >= boundAt) return
    yield* Effect.sleep(execLookEveryMillis)
  }
})
