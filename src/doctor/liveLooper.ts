/** Who holds the log folder, without touching its lock. */
import { readFileSync, statSync } from "node:fs"
import * as path from "node:path"

/** A Looper that lives and holds the log folder. */
export interface LiveLooper {
  readonly pid: number
  /** Where it listens; undefined until it does. */
  readonly url: string | undefined
}

/** In words. */
export const describeLooper = ({ pid, url }: LiveLooper): string =>
  `Looper ${pid}${url === undefined ? "" : ` at ${url}`}`

/**
 * Finds it by the file in which the holder names itself, and by the kernel's list of locks.
 *
 * **Details** The lock file is not opened: closing it would drop the lock of a Looper in this process (fcntl(2)).
 * Its device is not compared: for some file systems the kernel lists another than stat(2) tells. Where there is no
 * list of locks (not Linux), a live process with the holder's pid must do.
 *
 * **Source** proc_locks(5)
 */
export const findLiveLooper = (logDir: string): LiveLooper | undefined => {
  const [, pidText, url] = /^pid (\d+)(?:, (\S+))?$/m.exec(textOf(path.join(logDir, "looper.holder")) ?? "") ?? []
  const inode = statSync(path.join(logDir, "looper.lock"), { throwIfNoEntry: false })?.ino
  if (pidText === undefined || inode === undefined) return undefined
  const pid = Number(pidText)
  const locks = textOf("/proc/locks")
  const isHeld =
    locks === undefined
      ? isAlive(pid)
      : locks.split("\n").some((line) => {
          const [, , kind, access, holder, file] = line.split(/\s+/)
          return `${kind} ${access} ${holder}` === `ADVISORY WRITE ${pid}` && file?.endsWith(`:${inode}`)
        })
  return isHeld ? { pid, url } : undefined
}

const textOf = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}
