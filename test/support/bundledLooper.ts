/** A copy of the checkout with its bundle and its page built, as `npm ci` leaves one. */
import { execFile, execFileSync } from "node:child_process"
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { checkout } from "./looperProcess.ts"

const files = ["looper.js", "nodeAgain.js", "send-zulip-dm.js", "package.json", "package-lock.json", "tsconfig.json"]
const folders = ["src", "handlers", "effects", "scripts"]

/** How a command ended. */
export interface Said {
  readonly code: number | string | null | undefined
  readonly stdout: string
  readonly stderr: string
}

export interface BundledLooper extends Disposable {
  readonly folder: string
  /** Builds the bundle anew. */
  readonly build: () => void
  /** Runs one of its scripts, such as `looper.js`. */
  readonly say: (words: ReadonlyArray<string>, environment?: Readonly<Record<string, string>>) => Promise<Said>
}

export const bundleLooper = (): BundledLooper => {
  const folder = mkdtempSync(join(tmpdir(), "looper-bundled-"))
  for (const name of [...files, ...folders]) cpSync(join(checkout, name), join(folder, name), { recursive: true })
  symlinkSync(join(checkout, "node_modules"), join(folder, "node_modules"))
  const execute = (script: string) => void execFileSync(process.execPath, [join(folder, "scripts", script)])
  const build = () => execute("buildBin.ts")
  execute("buildPage.ts")
  build()
  return {
    folder,
    build,
    say: ([script = "", ...words], environment = {}) =>
      new Promise((resolve) => {
        const options = { cwd: tmpdir(), env: { PATH: process.env.PATH, HOME: folder, ...environment } }
        execFile(process.execPath, [join(folder, script), ...words], options, (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : error.code, stdout, stderr })
        )
      }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true })
  }
}
