// Runs a program of Looper's with Node 24 from any Node of 20 or newer: npm installed one beside Looper.
import { existsSync, readFileSync, statSync } from "node:fs"
import nodeModule, { createRequire } from "node:module"
import { dirname, join, sep } from "node:path"
import { fileURLToPath } from "node:url"

// Not from node:process: that import makes every stream and table which the process has.
const { argv, execPath, versions } = process

/** Looper's folder. */
export const folder = dirname(fileURLToPath(import.meta.url))

/** Node strips no types below node_modules: an installed Looper is built. */
export const isInstalled = folder.split(sep).includes("node_modules")

const isNew = (version) => Number.parseInt(version, 10) >= 24

/** The Node 24 that npm installed beside Looper. */
const installedNode = () => {
  try {
    const manifest = createRequire(import.meta.url).resolve("node/package.json")
    return isNew(createRequire(import.meta.url)(manifest).version) ? join(dirname(manifest), "bin", "node") : undefined
  } catch {
    return undefined
  }
}

/** Says in one line that it takes another Node. */
const needNode = (name) => {
  process.stderr.write(`${name} needs Node 24, this is ${versions.node} (${execPath}); run npm ci in ${folder}\n`)
  process.exitCode = 1
}

/** Runs this process' file again and ends as that run ends. */
const runAgain = async (node, name) => {
  const { spawn } = await import("node:child_process")
  const child = spawn(node, argv.slice(1), { stdio: "inherit" })
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal))
  child.on("error", () => needNode(name))
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + (signals[signal] ?? 0)
  })
}

const signals = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGPIPE: 13, SIGTERM: 15 }

/** Does `main` in a Node of 24 or newer: this one, or another that executes the same command line. */
export const onNode24 = async (name, main) => {
  if (isNew(versions.node)) return await main()
  const node = installedNode()
  return node === undefined ? needNode(name) : await runAgain(node, name)
}

const isAsBundled = ([file, bytes, changedMillis]) => {
  const stat = statSync(`${folder}/${file}`, { throwIfNoEntry: false })
  return stat?.size === bytes && stat.mtimeMs === changedMillis
}

/** Without its source Looper is what was bundled; otherwise each file of that has to be as it was bundled. */
const isBundleCurrent = () => {
  if (!existsSync(join(folder, "src/main.ts"))) return true
  try {
    return JSON.parse(readFileSync(join(folder, "dist/bin/sources.json"), "utf8")).every(isAsBundled)
  } catch {
    return false
  }
}

/** Imports a program of `src`: bundled, or from its source where the bundle is missing or of another source. */
export const load = (name) => {
  if (!isBundleCurrent()) return import(`./src/${name}.ts`)
  // What V8 compiled, for the next start; a folder that cannot be written costs nothing.
  nodeModule.enableCompileCache?.(join(folder, "dist/cache"))
  return import(`./dist/bin/${name}.js`)
}
