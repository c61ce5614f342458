/** codex without Looper, its output in a file. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync, rmSync } from "node:fs"
import { join } from "node:path"
import { readStamps } from "./flood.ts"
import type { House } from "./house.ts"
import { warmMemory } from "./warmMemory.ts"

/** `codex > file`: the milliseconds from codex' own begin until its end. */
export const toFile = async (
  { folder, codexPath }: House,
  prompt: string,
  stamps: string,
  flag: "w" | "a" = "w"
): Promise<number> => {
  using _warm = warmMemory(folder)
  const path = join(folder, "one")
  const fd = openSync(path, flag)
  await succeeds(codexPath, ["exec", prompt], fd)
  closeSync(fd)
  rmSync(path)
  const { begunAt, endedAt } = readStamps(stamps)
  return endedAt - begunAt
}

/** Fails where the program does. */
export const succeeds = async (
  file: string,
  args: ReadonlyArray<string>,
  stdout: number | "inherit"
): Promise<void> => {
  const [code] = await once(spawn(file, args, { stdio: ["ignore", stdout, "inherit"] }), "exit")
  if (code !== 0) throw new Error(`${file} ended with ${code}`)
}
