/** The machine that measured, for the table's reader. */
import { arch, cpus, loadavg, release, totalmem, type } from "node:os"

/** Words that go in front of the table. */
export const machine = (): ReadonlyArray<string> => {
  const processors = cpus()
  const gigabytes = Math.round(totalmem() / 2 ** 30)
  return [
    `${processors[0]?.model.trim() ?? "unknown processor"}, ${processors.length} processors, ${gigabytes} GiB`,
    `${type()} ${release()} ${arch()}, Node ${process.versions.node}`
  ]
}

/** Of the last minute: how busy the machine is, with others' work too. */
export const loadText = (): string => `load average ${(loadavg()[0] ?? 0).toFixed(1)}`
