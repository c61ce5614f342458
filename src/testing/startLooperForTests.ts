/** The test kit's Looper for tests that do not use Effect. */
import { Effect, ManagedRuntime } from "effect"
import {
  LooperForTests,
  type LooperForTestsOptions,
  type LooperForTestsShape,
  type RunLogText
} from "./LooperForTests.ts"
import { ZulipServer, type ZulipServerShape } from "./ZulipServer.ts"

/** A Looper that runs until it is stopped. */
export interface StartedLooper extends Omit<LooperForTestsShape, "serverLog" | "runLogs">, AsyncDisposable {
  /** Has the messages that were sent, and scripts the next answers. */
  readonly zulip: Omit<ZulipServerShape, "received">
  readonly serverLog: () => string
  /** By name, which begins with the second of the start. */
  readonly runLogs: () => ReadonlyArray<RunLogText>
  /** Stops it and its runs and removes its folder; a second call does nothing. Also as `await using`. */
  readonly stop: () => Promise<void>
}

/**
 * Starts the Looper of `LooperForTests.layer`.
 *
 * **Errors** Rejects as that layer fails; nothing is left.
 */
export const startLooperForTests = async (options: LooperForTestsOptions = {}): Promise<StartedLooper> => {
  const runtime = ManagedRuntime.make(LooperForTests.layer(options))
  const stop = () => runtime.dispose()
  const start = Effect.all([LooperForTests, ZulipServer])
  const [looper, zulip] = await runtime.runPromise(start).catch(async (error: unknown) => {
    await stop()
    throw error
  })
  return {
    ...looper,
    zulip,
    serverLog: () => Effect.runSync(looper.serverLog),
    runLogs: () => Effect.runSync(looper.runLogs),
    stop,
    [Symbol.asyncDispose]: stop
  }
}
