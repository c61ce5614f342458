/** What can happen to a Looper's database: another process's lock, a disk of its own that is full or read-only. */
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync, writeSync } from "node:fs"
import { join } from "node:path"
import { inMountNamespace } from "./mountNamespace.ts"
import type { StoredRun } from "./runRecords.ts"

/** Where the database is that {@link withDatabaseOn} moves. */
export const databaseFolder = (looper: { readonly folder: string }): string => join(looper.folder, "records")

const linked = `records="$CODEX_EXEC_LOG_DIR/../records" && mkdir -p "$records" &&
  ln -sf ../records/looper.db "$CODEX_EXEC_LOG_DIR/looper.db"`

const mounts = {
  plain: ":",
  tmpfs: 'mount -t tmpfs -o size=1m looper-test "$records"',
  readOnly: 'mount --bind "$records" "$records" && mount -o remount,bind,ro "$records"'
}

/** For `startLooper`: the database is in a folder of its own, the run logs where they always are. */
export const withDatabaseOn = (kind: keyof typeof mounts): ReadonlyArray<string> => [
  ...inMountNamespace,
  "sh",
  "-c",
  `${linked} && ${mounts[kind]} && exec "$@"`,
  "sh"
]

/** Words before a command that is to run where a process runs. */
export const inNamespaceOf = (pid: number): ReadonlyArray<string> => [
  "nsenter",
  "--target",
  String(pid),
  ...(process.geteuid?.() === 0 ? [] : ["--user", "--preserve-credentials"]),
  "--mount"
]

/** A run's row as the process `pid` would see it. */
export const storedRunSeenBy = (pid: number, folder: string, requestId: string): StoredRun | undefined => {
  const script = `import { storedRun } from ${JSON.stringify(join(import.meta.dirname, "runRecords.ts"))}
    console.log(JSON.stringify(storedRun(${JSON.stringify(folder)}, ${JSON.stringify(requestId)}) ?? null))`
  const [program = "", ...words] = [...inNamespaceOf(pid), process.execPath, "--input-type=module", "-e", script]
  return (
    JSON.parse(execFileSync(program, words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })) ?? undefined
  )
}

/** Locks a database from another process until it is let go. */
export const lockDatabase = async (file: string): Promise<{ readonly release: () => Promise<void> }> => {
  const script = `const { DatabaseSync } = require("node:sqlite")
    const database = new DatabaseSync(process.argv[1], { timeout: 10_000 })
    database.exec("BEGIN EXCLUSIVE")
    process.stdout.write("locked")
    process.stdin.resume().on("end", () => database.exec("ROLLBACK"))`
  const holder = spawn(process.execPath, ["-e", script, file], { stdio: ["pipe", "pipe", "inherit"] })
  const exited = once(holder, "exit")
  await Promise.race([once(holder.stdout, "data"), exited])
  if (holder.exitCode !== null) throw new Error(`${file} was not locked`)
  return {
    release: async () => {
      holder.stdin.end()
      await exited
    }
  }
}

/** Writes a file until nothing more goes in. */
export const fillDisk = (path: string): void => {
  const fd = openSync(path, "w")
  try {
    for (;;) writeSync(fd, Buffer.alloc(4_096))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error
  } finally {
    closeSync(fd)
  }
}
