/**
 * Loaded into Looper before its first module (`node --import`): knows each of its side effects by name, and at the one
 * that a test armed ends Looper, or a part of its run, in that very instant.
 */
import * as childProcess from "node:child_process"
import * as fs from "node:fs"
import * as fsPromises from "node:fs/promises"
import * as http from "node:http"
import * as https from "node:https"
import { syncBuiltinESMExports } from "node:module"
import * as net from "node:net"
import * as sqlite from "node:sqlite"
import { execName, fileKind, statementName, writeName } from "./faultPoints.ts"
import { isLiving, runMembers } from "./runMembers.ts"

/** Whom a fault ends by SIGKILL. */
export type Fault = "looper" | "supervisor" | "codex" | "group"

/** One instant of Looper's work. */
export interface Moment {
  readonly point: string
  /** Of those with this name since it was armed; from 1. */
  readonly ordinal: number
  readonly when: "before" | "after"
}

export interface Arming extends Moment {
  readonly fault: Fault
}

/** A fault that happened, and to which run; Looper's own, and one that found nobody, has none. */
export interface Hit {
  readonly fault: Fault
  readonly runId?: string
  /** codex lived when its supervisor was gone, so nobody learned its code. */
  readonly wasCodexAlive?: boolean
}

type Call = (...values: Array<never>) => unknown

/** A module's own object, which its named exports follow. */
const own = (module: object): Record<string, Call> =>
  ((module as { default?: object }).default ?? module) as Record<string, Call>

const real = {
  openSync: fs.openSync,
  writeSync: fs.writeSync,
  readlinkSync: fs.readlinkSync,
  existsSync: fs.existsSync,
  kill: process.kill.bind(process)
}

const folder = process.env.TEST_FOLDER ?? ""
const trace = real.openSync(process.env.CRASH_TRACE ?? "/dev/null", "a")
const note = (line: string): void => void real.writeSync(trace, `${line}\n`)

let armed: Arming | undefined
const counts = new Map<string, number>()
const arm = (arming: Arming | undefined): void => {
  armed = arming
  counts.clear()
}

const killHard = (pid: number): void => {
  try {
    real.kill(pid, "SIGKILL")
  } catch {
    // It has ended by itself.
  }
}

const strike = (fault: Fault): void => {
  if (fault === "looper") {
    note(`!${JSON.stringify({ fault } satisfies Hit)}`)
    killHard(process.pid)
    for (;;);
  }
  const members = runMembers().filter((member) => member.folder === folder)
  const leaders = members.filter(({ isSupervisor }) => isSupervisor)
  const codexes = members.filter(({ isCodex }) => isCodex)
  const victims =
    fault === "supervisor"
      ? leaders
      : fault === "codex"
        ? codexes
        : members.filter(({ sessionId }) => leaders.some(({ pid }) => pid === sessionId))
  if (victims.length === 0) note(`!${JSON.stringify({ fault } satisfies Hit)}`)
  // A supervisor first: it must not learn how its codex ended.
  for (const { pid, isSupervisor } of victims) {
    if (isSupervisor) {
      killHard(pid)
      while (isLiving(pid));
    }
  }
  const living = new Set(codexes.filter(({ pid }) => isLiving(pid)).map(({ runId }) => runId))
  for (const { pid } of victims) killHard(pid)
  for (const { pid } of victims) while (isLiving(pid));
  for (const runId of new Set(victims.map((victim) => victim.runId))) {
    note(`!${JSON.stringify({ fault, runId, wasCodexAlive: living.has(runId) } satisfies Hit)}`)
  }
}

const reach = (point: string, ordinal: number, when: Moment["when"]): void => {
  if (armed?.point !== point || armed.ordinal !== ordinal || armed.when !== when) return
  const { fault } = armed
  armed = undefined
  strike(fault)
}

/** Counts a side effect that is about to happen. */
const enter = (point: string): number => {
  const ordinal = (counts.get(point) ?? 0) + 1
  counts.set(point, ordinal)
  note(point)
  reach(point, ordinal, "before")
  return ordinal
}

/** A call inside another one of Node's own is no side effect of its own. */
let depth = 0

/** Around one side effect; what comes back may be a promise. */
const around = <A>(point: string | undefined, call: () => A): A => {
  if (point === undefined || depth > 0) return call()
  const ordinal = enter(point)
  depth += 1
  let result: A
  try {
    result = call()
  } finally {
    depth -= 1
  }
  if (result instanceof Promise) {
    return result.then((value) => {
      reach(point, ordinal, "after")
      return value
    }) as A
  }
  reach(point, ordinal, "after")
  return result
}

/** Replaces a function; `name` tells the side effect of a call, if it is one. */
const wrap = <A extends Array<unknown>>(object: object, key: string, name: (...values: A) => string | undefined) => {
  const target = object as Record<string, (...values: Array<unknown>) => unknown>
  const original = target[key]
  if (original === undefined) throw new Error(`there is no ${key}`)
  target[key] = function (this: unknown, ...values: Array<unknown>) {
    return around(depth > 0 ? undefined : name.apply(this, values as A), () => original.apply(this, values))
  }
}

const pathOf = (file: unknown): string => {
  if (typeof file !== "number") return String(file)
  try {
    return real.readlinkSync(`/proc/self/fd/${file}`)
  } catch {
    return ""
  }
}

const create = (file: unknown): string | undefined => {
  const kind = typeof file === "string" ? fileKind(file) : undefined
  return kind === undefined || real.existsSync(file as string) ? undefined : `create ${kind}`
}
const named = (verb: string) => (file: unknown) => {
  const kind = typeof file === "string" ? fileKind(file) : undefined
  return kind === undefined || !real.existsSync(file as string) ? undefined : `${verb} ${kind}`
}
const isReading = (flags: unknown): boolean =>
  flags === undefined ||
  flags === "r" ||
  flags === "r+" ||
  (typeof flags === "number" && (flags & fs.constants.O_CREAT) === 0)
const opened = (file: unknown, flags: unknown) => (isReading(flags) ? undefined : create(file))
const written = (file: unknown, data: unknown) => create(file) ?? writeName(pathOf(file), data, "named")

const sync = own(fs)
const promises = own(fsPromises)
wrap(sync, "openSync", opened)
wrap(promises, "open", opened)
for (const [module, suffix] of [
  [sync, "Sync"],
  [promises, ""]
] as const) {
  wrap(module, `writeFile${suffix}`, written)
  wrap(module, `appendFile${suffix}`, written)
  wrap(module, `rm${suffix}`, named("remove"))
  wrap(module, `unlink${suffix}`, named("remove"))
  wrap(module, `rename${suffix}`, (from: unknown) =>
    String(from).endsWith(".new") ? "place mirror journal" : named("rename")(from)
  )
  wrap(module, `truncate${suffix}`, named("truncate"))
}
wrap(sync, "writeSync", (fd: unknown, data: unknown) => writeName(pathOf(fd), data, "open"))

/** What follows an asynchronous write comes with its callback. */
const writeWithCallback = sync.write as unknown as (...values: Array<unknown>) => void
sync.write = ((...values: Array<unknown>) => {
  const point = depth > 0 ? undefined : writeName(pathOf(values[0]), values[1], "asynchronous")
  if (point === undefined) return writeWithCallback(...values)
  const callback = values.at(-1) as (...results: Array<unknown>) => void
  const ordinal = enter(point)
  return writeWithCallback(...values.slice(0, -1), (...results: Array<unknown>) => {
    reach(point, ordinal, "after")
    callback(...results)
  })
}) as Call

const children = own(childProcess)
const spawn = children.spawn as unknown as typeof childProcess.spawn
children.spawn = ((...values: Parameters<typeof spawn>) => {
  const isSupervisor = String((values[1] as ReadonlyArray<string>)[1]).startsWith("# looper run supervisor")
  const child = around(isSupervisor ? "spawn supervisor" : "spawn a program", () => spawn(...values))
  if (isSupervisor && child.stdio?.[3] != null) wrap(child.stdio[3], "write", () => "send go")
  return child
}) as unknown as Call

wrap(process, "kill", (_pid: number, signal: unknown) =>
  signal === 0 || signal === undefined ? undefined : `signal ${signal}`
)
wrap(process, "exit", () => "exit")

const Database = sqlite.DatabaseSync
wrap(Database.prototype, "exec", function (this: sqlite.DatabaseSync, sql: string) {
  return execName(this.location() ?? "", sql)
})
wrap(Database.prototype, "close", function (this: sqlite.DatabaseSync) {
  return fileKind(this.location() ?? "") === "folder lock" ? "release folder lock" : "close database"
})
wrap(sqlite.StatementSync.prototype, "run", function (this: sqlite.StatementSync, ...values: Array<unknown>) {
  return statementName(this.sourceSQL, values)
})

wrap(http.ServerResponse.prototype, "end", () => "answer request")
wrap(net.Server.prototype, "listen", () => "listen")
/** What follows a message comes with its answer. */
for (const module of [own(http), own(https)]) {
  const request = module.request as unknown as typeof http.request
  module.request = ((url: URL, options: http.RequestOptions) => {
    const point = options.method === "POST" ? "send message" : "ask notifier"
    const ordinal = enter(point)
    return request(url, options).prependOnceListener("response", () => reach(point, ordinal, "after"))
  }) as unknown as Call
}
syncBuiltinESMExports()

if (process.env.CRASH_ARM !== undefined) arm(JSON.parse(process.env.CRASH_ARM) as Arming)
/** An arming, an empty one for none, or a fault that is to happen now. */
process.on("message", (order: Partial<Arming> | Fault) => {
  if (typeof order === "string") strike(order)
  else arm("point" in order ? (order as Arming) : undefined)
  process.send?.("done")
})
process.channel?.unref()
