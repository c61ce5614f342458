/** Memory that a virtual machine has given back to its host: what touches it first pays for the host's page faults. */
import { closeSync, openSync, rmSync, writeSync } from "node:fs"
import { join } from "node:path"

const block = Buffer.alloc(1024 * 1024)

/**
 * Has the host give as much memory as a flood of the scenario `output` fills, by a file that is deleted at once.
 *
 * **Details** Free pages go back to the host within a second (free page reporting); touching them again took ten times
 * as long as writing to those that were there. Whichever side came after an idle second would pay for it.
 */
export const warmMemory = (folder: string): void => {
  const path = join(folder, "warm")
  const fd = openSync(path, "w")
  for (let written = 0; written < 1_200 * block.length; written += block.length) writeSync(fd, block)
  closeSync(fd)
  rmSync(path)
}
