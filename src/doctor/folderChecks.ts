/** The log folder, Looper's own log, and the space that is left for them. */
import { randomUUID } from "node:crypto"
import { mkdirSync, openSync, closeSync, rmSync, statfsSync, statSync } from "node:fs"
import * as path from "node:path"
import { Effect } from "effect"
import { LooperConfig } from "../services/config/LooperConfig.ts"
import { type Check, failure, ok, warning } from "./Check.ts"
import { defaultWorkspace, runsEnvironment } from "./codexFiles.ts"
import { describeLooper, findLiveLooper } from "./liveLooper.ts"
import { agentPlace, isOpenToOthers, nearestFolder } from "./paths.ts"

/** Creates and removes a file in a folder, or a folder in the nearest one above where it is not there; why not. */
const tryFolder = (folder: string): string | undefined => {
  const exists = statSync(folder, { throwIfNoEntry: false }) !== undefined
  const probe = path.join(exists ? folder : nearestFolder(folder), `.looper-doctor-${randomUUID()}`)
  try {
    if (exists) closeSync(openSync(probe, "wx", 0o600))
    else mkdirSync(probe, { mode: 0o700 })
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).message
  } finally {
    rmSync(probe, { force: true, recursive: true })
  }
}

/** What stands in the way of a folder that is still to be made. */
const fileInTheWay = (folder: string): boolean => {
  for (let one = folder; one !== path.dirname(one); one = path.dirname(one)) {
    const stat = statSync(one, { throwIfNoEntry: false })
    if (stat !== undefined) return !stat.isDirectory()
  }
  return false
}

const exists = (file: string): boolean => statSync(file, { throwIfNoEntry: false }) !== undefined

/** Really creates and removes a file in it. */
export const logFolderCheck: Check<LooperConfig> = {
  name: "log_folder",
  reads: ["logDir", "defaultWorkspace"],
  look: Effect.map(LooperConfig, (config) => {
    const { logDir } = config
    const problem = fileInTheWay(logDir) ? "a file is in its way" : tryFolder(logDir)
    if (problem !== undefined) {
      return failure(
        `${logDir} cannot be written: ${problem}`,
        "set CODEX_EXEC_LOG_DIR to a folder that Looper may write"
      )
    }
    const place = agentPlace(logDir, {
      workspace: defaultWorkspace(config),
      temporary: runsEnvironment(config).TMPDIR
    })
    if (place !== undefined) {
      return warning(
        `${logDir} lies in ${place}: the agent can change its own logs`,
        "set CODEX_EXEC_LOG_DIR elsewhere"
      )
    }
    if (isOpenToOthers(logDir)) {
      return warning(`${logDir} can be read by other users of this machine`, `run chmod 700 ${logDir}`)
    }
    if (!exists(logDir)) return ok(`${logDir} does not exist yet, Looper can make it`)
    const live = findLiveLooper(logDir)
    const held = live === undefined ? "no Looper holds it" : `${describeLooper(live)} holds it`
    return ok(`${logDir} can be written; ${held}`)
  })
}

/** Without it Looper does not start. No warning: it holds neither prompts nor secrets. */
export const serverLogCheck: Check<LooperConfig> = {
  name: "server_log",
  reads: ["serverLogPath"],
  look: Effect.map(LooperConfig, ({ serverLogPath: file }) => {
    const remedy = "set LOOPER_SERVER_LOG_PATH to a file that Looper may write"
    const folder = path.dirname(file)
    const problem = exists(file)
      ? tryAppend(file)
      : fileInTheWay(folder)
        ? "a file is in its folder's way"
        : tryFolder(folder)
    return problem === undefined
      ? ok(`${file} can be written`)
      : failure(`${file} cannot be written: ${problem}`, remedy)
  })
}

/** Opens without writing, which changes nothing. */
const tryAppend = (file: string): string | undefined => {
  if (statSync(file).isDirectory()) return "it is a folder"
  try {
    closeSync(openSync(file, "a"))
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).message
  }
}

const mebibytes = (bytes: number): string => `${Math.floor(bytes / 1024 ** 2)} MiB`

/** Below `LOOPER_MIN_FREE_BYTES` no run starts. No warning: that is the one limit there is. */
export const freeSpaceCheck: Check<LooperConfig> = {
  name: "free_space",
  reads: ["logDir", "minFreeBytes"],
  look: Effect.map(LooperConfig, ({ logDir, minFreeBytes }) => {
    const { bavail, bsize } = statfsSync(nearestFolder(logDir))
    const free = bavail * bsize
    const found = `${mebibytes(free)} free for ${logDir}`
    if (minFreeBytes === 0) return ok(`${found}; LOOPER_MIN_FREE_BYTES is off`)
    if (free >= minFreeBytes) return ok(`${found}, LOOPER_MIN_FREE_BYTES asks for ${mebibytes(minFreeBytes)}`)
    return failure(
      `${found}: ${free} bytes, LOOPER_MIN_FREE_BYTES asks for ${minFreeBytes}`,
      "free some, prune old run logs with LOOPER_LOG_RETENTION_BYTES, or lower LOOPER_MIN_FREE_BYTES"
    )
  })
}
