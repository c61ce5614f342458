/** What the kernel says a process costs. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"

/** Processor time of all threads so far, in milliseconds. */
export const cpuMillis = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`)
    .map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "latin1").split(" ")[0]))
    .reduce((sum, nanos) => sum + nanos, 0) / 1e6

/** Proportional share of all memory, in MB. */
export const pssMegabytes = (pid: number): number => kilobytesIn(`/proc/${pid}/smaps_rollup`, "Pss") / 1e3

/** Resident memory, in MB. */
export const residentMegabytes = (pid: number): number => kilobytesIn(`/proc/${pid}/status`, "VmRSS") / 1e3

/** The most that was resident since {@link resetPeak}, in MB. */
export const peakMegabytes = (pid: number): number => kilobytesIn(`/proc/${pid}/status`, "VmHWM") / 1e3

/** proc_pid_clear_refs(5): 5 resets the peak to what is resident now. */
export const resetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, "5")

/** Open descriptors. */
export const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

/** The kernel's kB are KiB. */
const kilobytesIn = (file: string, field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(file, "latin1"))?.[1]) * 1.024
