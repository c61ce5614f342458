// A mirror in plain Node that looks at no byte: copies a growing file to another as Looper does, half a mebibyte at once,
// read by its own thread and written by one of Node's pool. Arguments: the file, its copy.
import { openSync, readSync, write } from "node:fs"
import { promisify } from "node:util"
import { setTimeout as delay } from "node:timers/promises"

const [from, to] = [openSync(process.argv[2], "r"), openSync(process.argv[3], "a")]
const buffer = Buffer.alloc(512 * 1024)
process.stdout.write("copying\n")
for (;;) {
  const bytes = readSync(from, buffer)
  if (bytes > 0) await promisify(write)(to, buffer, 0, bytes, null)
  else await delay(5)
}
