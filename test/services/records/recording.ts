/** Records in a log folder of the test's own. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { type Context, Effect, Exit, Layer, Scope } from "effect"
import { afterAll, beforeEach } from "vitest"
import { LogFolder } from "../../../src/services/runs/LogFolder.ts"
import { LooperConfig } from "../../../src/services/config/LooperConfig.ts"
import { Database } from "../../../src/services/records/Database.ts"
import { nextTurn } from "../../../src/services/records/rebuild.ts"
import { RunLogRetention } from "../../../src/services/records/RunLogRetention.ts"
import { RunRecords } from "../../../src/services/records/RunRecords.ts"
import { RunLogs } from "../../../src/services/runs/RunLogs.ts"
import { makeLogs } from "../zulip/sending.ts"

/** A fresh root for each test of a file. */
export const makeRoots = () => {
  const folder = mkdtempSync(join(tmpdir(), "records-"))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const roots = { count: 0, root: "" }
  const next = () => {
    roots.root = join(folder, `${++roots.count}`)
    mkdirSync(join(roots.root, "logs"), { recursive: true })
  }
  beforeEach(next)
  return { inLogs: (name = "") => join(roots.root, "logs", name), root: () => roots.root, next }
}

/** Opens the services, until the scope is closed or `close` is run, and keeps what they log. */
export const openRecords = Effect.fnUntraced(function* (
  root: string,
  environment: Readonly<Record<string, string>> = {}
) {
  const said = makeLogs()
  const scope = yield* Effect.acquireRelease(Scope.make(), (made) => Scope.close(made, Exit.void))
  const layer = Layer.mergeAll(RunRecords.layerNoDeps, RunLogRetention.layerNoDeps).pipe(
    Layer.provideMerge(Database.layerNoDeps),
    Layer.provideMerge(RunLogs.layerNoDeps),
    Layer.provideMerge(LogFolder.layerNoDeps),
    Layer.provideMerge(said.layer),
    Layer.provideMerge(LooperConfig.layer({ root, environment }))
  )
  const context = yield* Layer.buildWithScope(layer, scope)
  const [records, database, retention] = yield* Effect.provide(
    Effect.all([RunRecords, Database, RunLogRetention]),
    context
  )
  return {
    said,
    records: within(context, records),
    database: within(context, database),
    retention: within(context, retention),
    close: Scope.close(scope, Exit.void)
  }
})

/** The service, logging where its layer does. */
const within = <S extends object>(context: Context.Context<never>, service: S): S => {
  const provide = (value: unknown): unknown =>
    Effect.isEffect(value) ? Effect.provide(value as Effect.Effect<unknown>, context) : value
  const entries = Object.entries(service).map(([name, member]: [string, unknown]) =>
    typeof member === "function"
      ? [name, (...values: ReadonlyArray<unknown>) => provide(Reflect.apply(member, service, values))]
      : [name, provide(member)]
  )
  return Object.fromEntries(entries) as S
}

/** What another program reads from the file. */
export const query = (file: string, sql: string): ReadonlyArray<Record<string, unknown>> => {
  const database = new DatabaseSync(file)
  try {
    return database
      .prepare(sql)
      .all()
      .map((row) => Object.assign({}, row))
  } finally {
    database.close()
  }
}

/** Writes to the file as another program does. */
export const execute = (file: string, sql: string): void => {
  const database = new DatabaseSync(file)
  database.exec(sql)
  database.close()
}

/** Keeps writers out, or readers too; another connection of this process is as good as another process. */
export const holdLock = (file: string, kind: "IMMEDIATE" | "EXCLUSIVE" = "IMMEDIATE") => {
  const database = new DatabaseSync(file)
  if (kind === "EXCLUSIVE") database.exec("PRAGMA locking_mode = EXCLUSIVE")
  database.exec(`BEGIN ${kind}`)
  return { release: () => database.close() }
}

/** Runs a program of Node beside the test, in the checkout; its first word says that it is ready. */
export const startBeside = (program: string, environment: Readonly<Record<string, string>>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
        cwd: resolve(import.meta.dirname, "../../.."),
        env: { ...process.env, ...environment, NODE_OPTIONS: "" },
        stdio: ["pipe", "pipe", "inherit"]
      })
      await once(child.stdout, "data")
      return child as ChildProcess
    }),
    killed
  )

export const killed = (child: ChildProcess): Effect.Effect<void> =>
  Effect.promise(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill("SIGKILL")
    await once(child, "exit")
  })

/** Asks, turn by turn of the event loop, until the answer is as wanted; the test's clock stands still. */
export const until = <A, E>(ask: Effect.Effect<A, E>, isWanted: (answer: A) => boolean): Effect.Effect<A, E> =>
  Effect.repeat(Effect.andThen(nextTurn, ask), { until: isWanted })
