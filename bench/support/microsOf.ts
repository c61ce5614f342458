/** Processor time of all a server's threads for one request, over 32 connections. */
import type { Side } from "./alternate.ts"
import { load } from "./load.ts"
import { cpuMillis } from "./procfs.ts"
import type { Program } from "./program.ts"

const connections = 32

export const microsOf =
  ({ url, pid }: Program, requests: number, path = "/health"): Side =>
  async () => {
    const before = cpuMillis(pid)
    await load(url, { path, connections, requests })
    return [((cpuMillis(pid) - before) * 1_000) / requests]
  }
