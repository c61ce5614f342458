/** What Looper is doing when a fault hits it. */
import { rmSync, writeFileSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { migrate, migrations } from "../../src/services/records/migrations.ts"
import type { Arming } from "../support/faultPreload.ts"
import { textFrom } from "../support/logs.ts"
import { isAlive, killHard, sizeOf, until } from "../support/processes.ts"
import { deadlineMillis, type World } from "./world.ts"

export interface Scenario {
  readonly name: string
  /** For the table. */
  readonly about: string
  /** Over the defaults of its Loopers; scenarios of equal ones share folders. */
  readonly env: Readonly<Record<string, string>>
  /** Its faults come while Looper starts. */
  readonly isStart: boolean
  /** Points that occur in that scenario too are left out here. */
  readonly beyond?: string
  /** Why its runs may be recorded as stopped. */
  readonly causes: ReadonlyArray<string>
  /** From a Looper that listens, with nothing alive, to right before the first point. */
  readonly prepare: (world: World) => Promise<void>
  /** From the first point to the last; Looper may not survive it. */
  readonly drive: (world: World, arming: Arming | undefined) => Promise<void>
  /** Its first run is replaced by its second. */
  readonly replaces?: boolean
  /** Of a Looper that was not hit: nothing of any run lives now. */
  readonly endsRuns?: boolean
  /** What a caller does who was not answered; gives what is wrong then. */
  readonly repeat?: (world: World) => Promise<ReadonlyArray<string>>
}

const leftFiles = /\.(?:state|mirror|mirror\.new)$/

/** No run is left unended, or Looper is gone. */
export const awaitEnds = (world: World): Promise<unknown> =>
  until(() => world.isGone() || world.logFiles(leftFiles).length === 0, "every end is recorded", deadlineMillis)

/** Some further lines are mirrored, or Looper or codex is gone. */
const awaitMirrored = async (world: World): Promise<void> => {
  const offset = sizeOf(world.serverLogPath)
  const isMirrored = () => textFrom(world.serverLogPath, offset).split(/\n[0-9a-f]{8} /).length > 8
  const isOver = () => world.isGone() || !world.members().some(({ isCodex }) => isCodex)
  await until(() => isMirrored() || isOver(), "lines are mirrored", deadlineMillis)
}

const armed =
  (act: (world: World) => Promise<unknown>): Scenario["drive"] =>
  async (world, arming) => {
    await world.arm(arming)
    await act(world)
  }

/** The same request each time within one case. */
const askOnce = (world: World) =>
  world.ask("/run", { zulip_message: "m", codex_prompt: `endless ${world.key}` }, { "Idempotency-Key": world.key })

/** However far the first request came, the second one starts no second run. */
const askAgain = async (world: World): Promise<ReadonlyArray<string>> => {
  const answer = await askOnce(world)
  const runs = world.logFiles(/^codex-exec-.*\.log$/).filter((name) => world.hasRun(name, world.key))
  const isAnswered = answer !== undefined && /^(?:200|500)$/.test(String(answer.status))
  return [
    ...(isAnswered ? [] : [`the repeated request is answered ${answer?.status}: ${answer?.text}`]),
    ...(runs.length > 1 ? [`the repeated request started another run: ${runs.join(", ")}`] : [])
  ]
}

const ask = (path: string, prompt?: string) =>
  armed((world) => world.ask(path, { zulip_message: "m", ...(prompt !== undefined && { codex_prompt: prompt }) }))

const withLiveRun = async (world: World): Promise<void> => void (await world.startRun("endless"))

const terminate = armed(async (world) => {
  world.looper?.child.kill("SIGTERM")
  await world.looper?.exited
})

/** A Looper is killed beside its run, which writes on; what becomes of the run comes next. */
const leaveRun = async (world: World, prompt = "endless"): Promise<void> => {
  const copy = `${world.copies}/${await world.startRun(prompt)}`
  await world.crash()
  const size = sizeOf(copy)
  await until(() => sizeOf(copy) > size, "the run goes on", deadlineMillis)
}

/** Kills what is left of a run, or its supervisor alone: nobody learns how codex ended. */
const endLeftRun = async (world: World, part: "group" | "supervisor"): Promise<void> => {
  const supervisors = world.members().filter(({ isSupervisor }) => isSupervisor)
  for (const { pid, runId } of supervisors) {
    killHard(pid)
    world.hits.push({ fault: part, runId, wasCodexAlive: true })
  }
  await until(() => supervisors.every(({ pid }) => !isAlive(pid)), "no supervisor is left")
  if (part === "supervisor") return
  await until(() => {
    const left = world.members()
    for (const { pid } of left) killHard(pid)
    return left.length === 0
  }, "the run is gone")
}

const start: Scenario["drive"] = async (world, arming) => {
  const isAdopting = world.members().length > 0
  if (!(await world.start(arming))) return
  await (isAdopting ? awaitMirrored(world) : awaitEnds(world))
}

const columns = (database: DatabaseSync, table: string): ReadonlyArray<string> =>
  database
    .prepare("SELECT name FROM pragma_table_info(?)")
    .all(table)
    .map(({ name }) => String(name))

/** Makes the database one of the first version, with as much of its rows as that can hold. */
const downgrade = (world: World): void => {
  const database = new DatabaseSync(world.databasePath)
  const first = new DatabaseSync(":memory:")
  migrate(first, 0, migrations.slice(0, 1))
  for (const { name } of database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()) {
    const table = String(name)
    const known = new Set(columns(first, table))
    if (known.size === 0) database.exec(`DROP TABLE ${table}`)
    for (const column of columns(database, table)) {
      if (!known.has(column)) database.exec(`ALTER TABLE ${table} DROP COLUMN ${column}`)
    }
  }
  database.exec("PRAGMA user_version = 1")
  database.close()
  first.close()
}

const stop = { env: {}, isStart: false, causes: ["replacement"] }
const starting = { ...stop, isStart: true, drive: start }

export const scenarios: ReadonlyArray<Scenario> = [
  {
    ...stop,
    name: "run",
    replaces: true,
    about: "`POST /run` with an `Idempotency-Key` replaces a run that writes all the time",
    prepare: withLiveRun,
    drive: async (world, arming) => {
      await armed(askOnce)(world, arming)
      await awaitMirrored(world)
    },
    repeat: askAgain
  },
  {
    ...stop,
    name: "kill",
    about: "`POST /kill` stops a run that writes all the time",
    causes: ["request", "replacement"],
    endsRuns: true,
    prepare: withLiveRun,
    drive: async (world, arming) => {
      await ask("/kill")(world, arming)
      await awaitEnds(world)
    }
  },
  {
    ...stop,
    name: "spawn",
    about: "`POST /spawn` where nothing runs",
    prepare: async () => {},
    drive: async (world, arming) => {
      await ask("/spawn", "endless")(world, arming)
      await awaitMirrored(world)
    }
  },
  {
    ...stop,
    name: "mirror and end",
    about: "A run writes and ends by itself with code 7",
    prepare: async (world) => void (await world.startRun(`until ${world.folder}/go 7`)),
    drive: armed(async (world) => {
      await awaitMirrored(world)
      writeFileSync(`${world.folder}/go`, "")
      await awaitEnds(world)
      rmSync(`${world.folder}/go`, { force: true })
    })
  },
  {
    ...stop,
    name: "shutdown",
    about: "SIGTERM to Looper beside a live run",
    causes: ["shutdown", "replacement"],
    endsRuns: true,
    prepare: withLiveRun,
    drive: terminate
  },
  {
    ...stop,
    name: "forced shutdown",
    about: "The same where the run ignores SIGTERM; only the steps that are new",
    env: { LOOPER_SHUTDOWN_GRACE_SECONDS: "3" },
    causes: ["shutdown", "replacement"],
    endsRuns: true,
    beyond: "shutdown",
    prepare: async (world) => void (await world.startRun("stubborn")),
    drive: terminate
  },
  {
    ...stop,
    name: "leave",
    about: "SIGTERM to a Looper with `LOOPER_ON_SHUTDOWN=leave` beside a live run",
    env: { LOOPER_ON_SHUTDOWN: "leave" },
    prepare: withLiveRun,
    drive: terminate
  },
  {
    ...starting,
    name: "adoption of a live run",
    about: "Looper starts beside a run whose Looper was killed",
    prepare: leaveRun
  },
  {
    ...starting,
    name: "adoption of an ended run",
    about: "Looper starts after a run ended by itself while no Looper lived",
    prepare: async (world) => {
      await leaveRun(world, `until ${world.folder}/go 7`)
      writeFileSync(`${world.folder}/go`, "")
      await until(() => world.members().length === 0, "the run has ended", deadlineMillis)
      rmSync(`${world.folder}/go`)
    }
  },
  {
    ...starting,
    name: "adoption of a lost run",
    about: "Looper starts after a run was killed, supervisor and all, while no Looper lived",
    prepare: async (world) => {
      await leaveRun(world)
      await endLeftRun(world, "group")
    }
  },
  {
    ...starting,
    name: "adoption without supervisor",
    about: "Looper starts beside a run whose Looper and supervisor were killed",
    prepare: async (world) => {
      await leaveRun(world)
      await endLeftRun(world, "supervisor")
    }
  },
  {
    ...starting,
    name: "migration",
    about: "Looper starts beside a live run on a database of version 1",
    beyond: "adoption of a live run",
    prepare: async (world) => {
      await leaveRun(world)
      downgrade(world)
    }
  },
  {
    ...starting,
    name: "rebuild",
    about: "Looper starts beside a live run without the database that it had",
    beyond: "adoption of a live run",
    prepare: async (world) => {
      await leaveRun(world)
      for (const suffix of ["", "-wal", "-shm"]) rmSync(world.databasePath + suffix, { force: true })
    }
  }
]
