/** A Looper in a mount namespace of its own: what is mounted there, nobody else sees. */
import { execFileSync } from "node:child_process"

/** Who is not root makes the namespace in a user namespace, where they are. */
const isRoot = process.geteuid?.() === 0

/** For `startLooper`: nothing is mounted yet. */
export const inMountNamespace: ReadonlyArray<string> = [
  "unshare",
  ...(isRoot ? [] : ["--user", "--map-root-user"]),
  "--mount"
]

const after = (script: string, ...words: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...inMountNamespace,
  "sh",
  "-c",
  `${script} && exec "$@"`,
  ...words
]

/** The folder of run logs is a tmpfs. */
export const withSmallLogDir = (size: string): ReadonlyArray<string> =>
  after('mount -t tmpfs -o "size=$0" looper-test "$CODEX_EXEC_LOG_DIR"', size)

/** The server log stands in a tmpfs, the folder `small` beside the run logs' one. */
export const withSmallServerLog = (size: string): ReadonlyArray<string> =>
  after(
    `small="$CODEX_EXEC_LOG_DIR/../small" && mkdir "$small" && mount -t tmpfs -o "size=$0" looper-test "$small" &&
    export LOOPER_SERVER_LOG_PATH="$small/looper-server.log"`,
    size
  )

const bindReadOnly = 'mount --bind "$folder" "$folder" && mount -o remount,bind,ro "$folder"'

/** The folder of run logs cannot be written, whoever Looper is: root passes every mode. */
export const withReadOnlyLogDir: ReadonlyArray<string> = after(`folder=$CODEX_EXEC_LOG_DIR && ${bindReadOnly}`, "sh")

const within = (pid: number, folder: string, script: string) => {
  const namespaces = [...(isRoot ? [] : ["--user", "--preserve-credentials"]), "--mount"]
  const words = ["--target", String(pid), ...namespaces, "sh", "-c", `folder=$1; ${script}`, "sh", folder]
  execFileSync("nsenter", words)
}

/** In the namespace of a process: read-only for what is opened from now on. */
export const makeReadOnly = (pid: number, folder: string): void => within(pid, folder, bindReadOnly)

export const unmount = (pid: number, folder: string): void => within(pid, folder, 'umount "$folder"')

export const resizeTmpfs = (pid: number, folder: string, size: string): void =>
  within(pid, folder, `mount -t tmpfs -o "remount,size=${size}" looper-test "$folder"`)

/** Where a path of the namespace is for everybody. */
export const seenFromOutside = (pid: number, path: string): string => `/proc/${pid}/root${path}`
