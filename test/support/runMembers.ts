/** The living processes of runs, with what tests tell them apart by. */
import { readdirSync, readFileSync } from "node:fs"

// The functions themselves: whoever replaces them later does not see these calls.
const [read, list] = [readFileSync, readdirSync]

export interface RunMember {
  readonly pid: number
  readonly runId: string
  /** `TEST_FOLDER` of the Looper that started it. */
  readonly folder: string
  readonly sessionId: number
  readonly isSupervisor: boolean
  /** codex itself, or the shell in its place that waits to be let go. */
  readonly isCodex: boolean
  readonly isWaiting: boolean
}

const readProc = (pid: number, file: string): string => {
  try {
    return read(`/proc/${pid}/${file}`, "latin1")
  } catch {
    return ""
  }
}

const statOf = (pid: number) => {
  const text = readProc(pid, "stat")
  const [state = "X", parentPid, , sessionId] = text.slice(text.lastIndexOf(")") + 2).split(" ")
  return { isAlive: text !== "" && !/[ZX]/.test(state), parentPid: Number(parentPid), sessionId: Number(sessionId) }
}

/** No zombie. */
export const isLiving = (pid: number): boolean => statOf(pid).isAlive

export const runMembers = (): ReadonlyArray<RunMember> =>
  list("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name): ReadonlyArray<RunMember> => {
      const pid = Number(name)
      const environment = `\0${readProc(pid, "environ")}`
      const [, runId] = /\0LOOPER_RUN_ID=([^\0]*)\0/.exec(environment) ?? []
      const [, folder] = /\0TEST_FOLDER=([^\0]*)\0/.exec(environment) ?? []
      if (runId === undefined || folder === undefined) return []
      const { isAlive, parentPid, sessionId } = statOf(pid)
      if (!isAlive) return []
      const argument = readProc(pid, "cmdline").split("\0")[2] ?? ""
      const isSupervisor = argument.startsWith("# looper run supervisor")
      // Also once its supervisor is gone: what it starts is no codex by its arguments.
      const isCodex = !isSupervisor && (parentPid === sessionId || readProc(pid, "cmdline").includes("/bin/codex\0"))
      return [{ pid, runId, folder, sessionId, isSupervisor, isCodex, isWaiting: argument.startsWith("shopt ") }]
    })
