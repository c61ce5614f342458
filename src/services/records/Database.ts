/** The one embedded database, beside the run logs: opened, migrated, set aside when it is damaged. */
import * as path from "node:path"
import type { SQLInputValue, SQLOutputValue } from "node:sqlite"
import { Cause, Context, Effect, Layer } from "effect"
import { LooperConfig } from "../config/LooperConfig.ts"
import { type DatabaseEvent, DatabaseFile } from "./DatabaseFile.ts"

/** A row by its columns' names. */
export type Row = Readonly<Record<string, SQLOutputValue>>

/** The database through its faults; none of its methods fails. */
export class Database extends Context.Service<
  Database,
  {
    /** Open, and everything that was written so far is in it. */
    readonly isUsable: Effect.Effect<boolean>
    /** Writes now, or keeps it in order and writes it as soon as the database takes it; never fails. */
    readonly write: (sql: string, ...values: ReadonlyArray<SQLInputValue>) => Effect.Effect<void>
    /** Writes now or not at all; false where it did not. */
    readonly tryWrite: (sql: string, ...values: ReadonlyArray<SQLInputValue>) => Effect.Effect<boolean>
    /** `undefined` where the database cannot be read. */
    readonly read: (
      sql: string,
      ...values: ReadonlyArray<SQLInputValue>
    ) => Effect.Effect<ReadonlyArray<Row> | undefined>
    /** Runs whenever, from now on, the file is made anew and empty: it was deleted, or set aside. */
    readonly onCreated: (rebuild: Effect.Effect<void>) => Effect.Effect<void>
  }
>()("looper/services/records/Database") {
  /**
   * Opens `looper.db` in the log folder for the layer's life.
   *
   * **Details** It never fails: what cannot be written is kept in memory, 10,000 statements at most, and tried again
   * each second and with the next write. A damaged file is renamed, not deleted, and a new one made, three times in
   * one life at most.
   */
  static readonly layerNoDeps = Layer.effect(
    Database,
    Effect.gen(function* () {
      const { logDir } = yield* LooperConfig
      const scope = yield* Effect.scope
      const location = path.join(logDir, "looper.db")
      const rebuilds: Array<Effect.Effect<void>> = []
      let events: Array<DatabaseEvent> = []
      const file = yield* Effect.acquireRelease(
        Effect.sync(() => new DatabaseFile(location, (event) => void events.push(event))),
        (opened) =>
          Effect.andThen(
            Effect.sync(() => opened.close()),
            Effect.suspend(() => tell)
          )
      )
      /** As far as the files that were made are filled. */
      let rebuilt = file.created
      let isRebuilding = false
      let isRetrying = false

      const tell = Effect.suspend(() => {
        const told = events
        events = []
        return Effect.forEach(told, (event) => log(location, event), { discard: true })
      })
      const rebuild = Effect.gen(function* () {
        while (rebuilt !== file.created) {
          const until = file.created
          for (const each of rebuilds) yield* each
          rebuilt = until
        }
      }).pipe(
        Effect.catchDefect((defect) => {
          rebuilt = file.created
          return Effect.logError("server.records.rebuild.fail", Cause.die(defect))
        }),
        Effect.ensuring(Effect.sync(() => (isRebuilding = false)))
      )
      const use = <A>(operation: () => A): Effect.Effect<A> =>
        Effect.gen(function* () {
          const result = operation()
          yield* follow
          return result
        }).pipe(Effect.uninterruptible)
      const retry = Effect.sleep(retryMillis).pipe(
        Effect.andThen(use(() => file.settle())),
        Effect.repeat({ while: () => file.isOut }),
        Effect.ensuring(Effect.sync(() => (isRetrying = false)))
      )
      /** Does what the file's last use asks for. */
      const follow: Effect.Effect<void> = Effect.gen(function* () {
        yield* tell
        if (rebuilt !== file.created && !isRebuilding) {
          isRebuilding = true
          // What a rebuild has in memory is in the database before anything else happens.
          yield* Effect.forkIn(rebuild, scope, { startImmediately: true })
        }
        if (file.isOut && !isRetrying) {
          isRetrying = true
          yield* Effect.forkIn(retry, scope)
        }
      })

      yield* follow
      return Database.of({
        isUsable: use(() => file.settle()),
        write: (sql, ...values) => use(() => file.write({ sql, values })),
        tryWrite: (sql, ...values) => use(() => file.tryWrite({ sql, values })),
        read: (sql, ...values) => use(() => file.read({ sql, values })),
        onCreated: (effect) => Effect.sync(() => void rebuilds.push(effect))
      })
    })
  )
}

const retryMillis = 1_000

const log = (file: string, event: DatabaseEvent): Effect.Effect<void> => {
  switch (event.kind) {
    case "set_aside":
      return Effect.annotateLogs(Effect.logWarning("server.records.set_aside"), {
        path: event.path,
        reason: event.reason
      })
    case "unwritable":
      return Effect.annotateLogs(Effect.logWarning("server.records.unwritable"), { path: file, reason: event.reason })
    case "writable":
      return Effect.annotateLogs(Effect.logInfo("server.records.writable"), {
        path: file,
        written: event.written,
        dropped: event.dropped
      })
    case "dropped":
      return Effect.annotateLogs(Effect.logWarning("server.records.dropped"), { path: file, count: event.count })
    case "rejected":
      return Effect.annotateLogs(Effect.logError("server.records.rejected"), { path: file, reason: event.reason })
  }
}
