/** Memory that a virtual machine has given back to its host: what touches it first pays for the host's page faults. */
import { closeSync, ftruncateSync, openSync, rmSync, statfsSync, writeSync } from "node:fs"
import { join } from "node:path"

const megabyte = 1024 * 1024
const block = Buffer.alloc(megabyte)
/** A little more than a flood of the scenario `output` fills. */
const touchedMegabytes = 1_200
/** What codex writes of that: to free it meanwhile would take processor time from it. */
const freeAtOnceMegabytes = 600
const keptFreeMegabytes = 100
const everyMillis = 1

/**
 * Has the host give memory, by a file: half of it is free again at once, the rest as the folder's disk fills.
 *
 * **Details** Free memory goes back to the host within a second (free page reporting), and touching it again takes
 * five times as long: what is free too early would be paid for again.
 */
export const warmMemory = (folder: string): Disposable => {
  const path = join(folder, "warm")
  const fd = openSync(path, "w")
  for (let touched = 0; touched < touchedMegabytes; touched++) writeSync(fd, block)
  let held = touchedMegabytes
  const withoutHeld = freeMegabytes(folder) + held
  const release = () => {
    const written = withoutHeld - held - freeMegabytes(folder)
    const free = Math.max(freeAtOnceMegabytes, written + keptFreeMegabytes)
    const needed = Math.max(0, Math.floor(touchedMegabytes - free))
    if (needed >= held) return
    ftruncateSync(fd, needed * megabyte)
    held = needed
  }
  release()
  const timer = setInterval(release, everyMillis)
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer)
      closeSync(fd)
      rmSync(path)
    }
  }
}

const freeMegabytes = (folder: string): number => {
  const { bfree, bsize } = statfsSync(folder)
  return (bfree * bsize) / megabyte
}
