/** What a Looper process holds, seen from outside (`/proc`) and from inside (its own inspector), after a collection. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { type LooperOptions, type LooperProcess, startLooper } from "./looperProcess.ts"
import { allPids, isAlive, procStat, until } from "./processes.ts"

/** What may not grow. */
export interface Holdings {
  /** Open descriptors by kind: `socket`, `pipe`, `anon_inode`, `file`. */
  readonly descriptors: Readonly<Record<string, number>>
  /** What keeps the event loop busy, by kind. */
  readonly handles: Readonly<Record<string, number>>
  /** Listeners on the process object, by event. */
  readonly listeners: Readonly<Record<string, number>>
  /** Living descendants. */
  readonly processes: number
  /** Bytes of live JavaScript objects, and of buffers outside of V8's heap. */
  readonly heapBytes: number
  readonly bufferBytes: number
  /** Proportional share of all memory, what V8 and malloc keep for later included. */
  readonly pssBytes: number
}

export interface InspectedLooper extends AsyncDisposable {
  readonly looper: LooperProcess
  /** Collects garbage first. */
  look(): Promise<Holdings>
}

/** stdin and stdout, the listening socket, the server's own timer. */
const resting = new Set(["PipeWrap", "TCPServerWrap", "Timeout"])

/** Neither a process nor a connection nor a file request is left. */
export const isAtRest = ({ processes, handles }: Holdings): boolean =>
  processes === 0 && Object.keys(handles).every((kind) => resting.has(kind))

/** `exec`, so that Looper stays the child that was started; not by NODE_OPTIONS, which runs would inherit. */
const wrapperWith = (flags: ReadonlyArray<string>) => [
  "/bin/sh",
  "-c",
  `node=$1; shift; exec "$node" --inspect=127.0.0.1:0 ${flags.join(" ")} "$@"`,
  "sh"
]

/** Otherwise V8 goes on to compile hot functions for a thousand runs; each takes a kilobyte or two. */
export const withoutCompiler = ["--no-opt", "--no-maglev", "--no-sparkplug", "--no-flush-bytecode"]

/** Starts Looper with its inspector on a port of its own; its stdout goes nowhere unless told. */
export const startInspectedLooper = async (
  options: LooperOptions & { readonly stdout: number; readonly flags?: ReadonlyArray<string> }
) => {
  const looper = await startLooper({ ...options, wrapper: wrapperWith(options.flags ?? []) })
  const address = await until(
    () => /Debugger listening on (ws:\S+)/.exec(looper.output())?.[1],
    "the inspector listens"
  )
  const inspector = await openInspector(address)
  const look = async (): Promise<Holdings> => {
    // What a finalizer of the first collection lets go is collected by the second.
    for (let times = 0; times < 2; times++) await inspector.send("HeapProfiler.collectGarbage")
    const inside = JSON.parse(await inspector.evaluate(lookInside)) as Inside
    return {
      ...inside,
      descriptors: descriptorsOf(looper.pid),
      processes: descendantsOf(looper.pid),
      pssBytes: pssOf(looper.pid)
    }
  }
  return {
    looper,
    look,
    [Symbol.asyncDispose]: async () => {
      inspector.close()
      await looper[Symbol.asyncDispose]()
    }
  } satisfies InspectedLooper
}

type Inside = Pick<Holdings, "handles" | "listeners" | "heapBytes" | "bufferBytes">

const lookInside = `(() => {
  const counts = (names) => Object.fromEntries([...new Set(names)].sort().map((name) => [name, names.filter((other) => other === name).length]))
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return JSON.stringify({
    handles: counts(process.getActiveResourcesInfo()),
    listeners: Object.fromEntries(process.eventNames().map((name) => [String(name), process.listenerCount(name)])),
    heapBytes: heapUsed,
    bufferBytes: external
  })
})()`

/** The few words of the Chrome DevTools protocol that are needed. */
const openInspector = async (address: string) => {
  const socket = new WebSocket(address)
  const { promise: opened, resolve, reject } = Promise.withResolvers<void>()
  const waiting = new Map<
    number,
    (message: { readonly result?: { readonly result?: { readonly value?: unknown } } }) => void
  >()
  let last = 0
  socket.addEventListener("open", () => resolve())
  socket.addEventListener("error", () => reject(new Error(`no inspector at ${address}`)))
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(String(data))
    waiting.get(message.id)?.(message)
    waiting.delete(message.id)
  })
  await opened
  const send = async (method: string, params: Readonly<Record<string, unknown>> = {}) => {
    const id = ++last
    const { promise, resolve: answered } = Promise.withResolvers<{
      readonly result?: { readonly result?: { readonly value?: unknown } }
    }>()
    waiting.set(id, answered)
    socket.send(JSON.stringify({ id, method, params }))
    return await promise
  }
  return {
    send,
    evaluate: async (expression: string) =>
      String((await send("Runtime.evaluate", { expression, returnByValue: true })).result?.result?.value),
    close: () => socket.close()
  }
}

const descriptorsOf = (pid: number): Readonly<Record<string, number>> => {
  const kinds: Record<string, number> = {}
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const kind = kindOf(`/proc/${pid}/fd/${fd}`)
    if (kind !== undefined) kinds[kind] = (kinds[kind] ?? 0) + 1
  }
  return kinds
}

/** Undefined where it was closed between the listing and the look. */
const kindOf = (path: string): string | undefined => {
  try {
    return /^(socket|pipe|anon_inode):/.exec(readlinkSync(path))?.[1] ?? "file"
  } catch {
    return undefined
  }
}

const descendantsOf = (pid: number): number => {
  const parents = allPids().map((other) => [other, procStat(other)?.ppid] as const)
  const family = new Set([pid])
  for (let before = 0; before < family.size; ) {
    before = family.size
    for (const [other, parent] of parents) if (parent !== undefined && family.has(parent)) family.add(other)
  }
  return [...family].filter((other) => other !== pid && isAlive(other)).length
}

const pssOf = (pid: number): number =>
  Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]) * 1024
