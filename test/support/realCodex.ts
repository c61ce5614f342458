/** The real codex for tests, fetched once into a cache outside the dependency tree; and where it may be let loose. */
import { execFile } from "node:child_process"
import { mkdir, mkdtemp, readFile, readlink, rename, rm } from "node:fs/promises"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"

const run = promisify(execFile)

/** The one version that is tested. */
export const codexVersion = "0.169.0"

const installDeadlineMillis = 480_000
const codexDeadlineMillis = 30_000

/** Where fetched codexes stay: `LOOPER_TEST_CODEX_CACHE`, or `looper-test` in the user's cache folder. */
export const cacheFolder = (): string =>
  process.env["LOOPER_TEST_CODEX_CACHE"] ||
  join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "looper-test")

/**
 * The path of the executable `codex`, which has told its version.
 *
 * **Details** Installs into a sibling that takes the final name when complete, so that neither a cut nor a second
 * fetch at the same time leaves a half. No install script runs.
 * **Errors** What npm or codex said, with the folder; the tests cannot go on.
 */
export const realCodex = async (): Promise<string> => {
  const folder = join(cacheFolder(), `codex-${codexVersion}`)
  const cached = await check(folder)
  if (cached === undefined) return executableIn(folder)
  await fetchInto(folder)
  const fault = await check(folder)
  if (fault !== undefined) throw new Error(`codex in ${folder} does not run: ${fault}`)
  return executableIn(folder)
}

const executableIn = (folder: string): string => join(folder, "node_modules/.bin/codex")

/** Runs codex with a home of its own: the user's is not its business. */
const runCodex = async (codex: string, home: string, ...args: ReadonlyArray<string>): Promise<string> => {
  const env = { ...process.env, CODEX_HOME: home }
  const { stdout } = await run(codex, args, { env, timeout: codexDeadlineMillis })
  return stdout.trim()
}

/** What is wrong with the codex in this folder, or undefined. */
const check = async (folder: string): Promise<string | undefined> => {
  try {
    const version = await runCodex(executableIn(folder), folder, "--version")
    return version === `codex-cli ${codexVersion}` ? undefined : `its version is ${version}`
  } catch (cause) {
    return wordsOf(cause)
  }
}

const fetchInto = async (folder: string): Promise<void> => {
  try {
    await mkdir(dirname(folder), { recursive: true })
    const sibling = await mkdtemp(`${folder}.fetching-`)
    try {
      await install(sibling)
      if ((await check(folder)) === undefined) return
      await rm(folder, { recursive: true, force: true })
      await rename(sibling, folder)
    } finally {
      await rm(sibling, { recursive: true, force: true })
    }
  } catch (cause) {
    throw new Error(`cannot fetch codex ${codexVersion} into ${folder}: ${wordsOf(cause)}`, { cause })
  }
}

const install = async (folder: string): Promise<void> => {
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--no-update-notifier"]
  await run("npm", ["install", "--prefix", folder, ...flags, `@openai/codex@${codexVersion}`], {
    cwd: folder,
    timeout: installDeadlineMillis
  })
  const fault = await check(folder)
  if (fault !== undefined) throw new Error(`what npm installed does not run: ${fault}`)
}

const wordsOf = (cause: unknown): string => {
  const { stderr, message } = cause as { readonly stderr?: string; readonly message: string }
  return stderr?.trim() || message
}

/** Throws with the sandbox' own words unless codex' sandbox can run a command on this machine. */
export const requireSandbox = async (codex: string, home: string): Promise<void> => {
  await runCodex(codex, home, "sandbox", "--", "true").catch((cause: unknown) => {
    throw new Error(`codex' sandbox does not work on this machine, so its tools do not run: ${wordsOf(cause)}`, {
      cause
    })
  })
}

/**
 * Throws unless this process lives in a pid namespace made for tests, with a `/proc` of its own.
 *
 * **Details** Looper's default kill scope ends every `codex exec` it sees. The sign is in the environment of pid 1,
 * which `scripts/in-pid-namespace.sh` started and whoever sets a variable by hand did not.
 */
export const requireOwnPidNamespace = async (): Promise<void> => {
  const own = await readlink("/proc/self").catch(() => "")
  const first = await readFile("/proc/1/environ", "utf8").catch(() => "")
  if (own === String(process.pid) && first.split("\0").includes("LOOPER_TEST_PID_NAMESPACE=1")) return
  throw new Error(
    "these tests kill every codex exec they see: run them by `npm run test:real` (scripts/in-pid-namespace.sh), " +
      "in a pid namespace of their own"
  )
}
