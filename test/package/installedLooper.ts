/** Looper packed and installed into an empty project, as a user has it. */
import { execFile } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join, resolve } from "node:path"
import { promisify } from "node:util"

/** The checkout. */
export const checkout = resolve(import.meta.dirname, "../..")

interface PackageJson {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

export const packageJson: PackageJson = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8"))

/** What a user of the examples installs beside Looper. */
const companions = ["effect", "@effect/platform-node", "@types/node", "typescript", "vitest"]

const childBoundMillis = 60_000

export interface InstalledLooper extends AsyncDisposable {
  /** Has the project and everything else of the test. */
  readonly folder: string
  /** Its working directory; has the files of `examples/`. */
  readonly project: string
  /** The installed package. */
  readonly installed: string
  /** Paths of the packed files. */
  readonly files: ReadonlyArray<string>
  /** Runs a program in the project, with this process' Node as `node`, and gives its stdout. */
  readonly execute: (program: string, options: ExecuteOptions) => Promise<string>
}

export interface ExecuteOptions {
  readonly arguments: ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string>>
}

/** What a child of the test inherits: nothing that npm put into the environment. */
export const environment = (over: Readonly<Record<string, string>> = {}): Record<string, string | undefined> => ({
  HOME: process.env.HOME,
  PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
  ...over
})

/** Whatever npm was told in the environment holds here too. */
const npm = (cwd: string, ...words: ReadonlyArray<string>) =>
  promisify(execFile)("npm", words, { cwd, env: { ...process.env, ...environment() } })

export const installLooper = async (): Promise<InstalledLooper> => {
  const folder = mkdtempSync(join(tmpdir(), "looper-package-"))
  const project = join(folder, "project")
  mkdirSync(project)
  const execute = async (program: string, options: ExecuteOptions) => {
    const { stdout } = await promisify(execFile)(program, options.arguments, {
      cwd: project,
      env: environment(options.environment),
      timeout: childBoundMillis
    })
    return stdout
  }

  const packed = await npm(checkout, "pack", "--json", "--pack-destination", folder)
  const [{ filename, files }] = JSON.parse(packed.stdout.slice(packed.stdout.indexOf("[\n")))
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "project", private: true, type: "module" }))
  const versions = { ...packageJson.dependencies, ...packageJson.devDependencies }
  const wanted = companions.map((name) => `${name}@${versions[name]}`)
  await npm(project, "install", "--no-audit", "--no-fund", "--prefer-offline", join(folder, filename), ...wanted)
  cpSync(join(checkout, "examples"), project, { recursive: true })
  return {
    folder,
    project,
    installed: join(project, "node_modules/looper"),
    files: files.map(({ path }: { readonly path: string }) => path),
    execute,
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true })
  }
}
