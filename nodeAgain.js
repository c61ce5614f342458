// Runs a program of Looper's with Node 24 from any Node of 20 or newer: npm installed one beside Looper.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join, sep } from "node:path"
import { fileURLToPath } from "node:url"
import vm from "node:vm"

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

/**
 * Runs a program of `src`: bundled, or from its source where the bundle is missing or of another source.
 *
 * Each `command` of it calls other functions, and finds those compiled that it called before.
 */
export const load = async (name, command = "") => {
  if (!isBundleCurrent()) return await import(`./src/${name}.ts`)
  return runBundle(name, /^[a-z]+$/.test(command) ? `${name}-${command}` : name)
}

/**
 * Runs a bundled program, with what V8 had compiled of it in an earlier process that succeeded.
 *
 * Node's own compile cache has what was compiled when a file was loaded, and no function that was called later.
 */
const runBundle = (name, cacheName) => {
  const file = join(folder, "dist/bin", `${name}.cjs`)
  const require = createRequire(file)
  // Node maps the stack traces of what it loads itself.
  if (process.sourceMapsEnabled) return require(file)
  const source = Buffer.concat([opening, readFileSync(file), closing])
  const cache = join(folder, "dist/cache", cacheName)
  const sum = crcOf(source)
  const script = new vm.Script(source.toString(), {
    filename: file,
    cachedData: compiledOf(cache, sum),
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER
  })
  if (script.cachedDataRejected !== false) whenStarted(() => keepCompiled(cache, script, sum))
  const module = { exports: {} }
  script.runInThisContext()(module.exports, require, module, file, dirname(file))
  return module.exports
}

// A module as Node itself makes a function of it.
const opening = Buffer.from("(function (exports, require, module, __filename, __dirname) {")
const closing = Buffer.from("\n})")

/** Once, while V8 still has what only the start called: it forgets what was not called for some garbage collections. */
const whenStarted = (keep) => {
  const keepAtExit = (code) => {
    if (code === 0) keep()
  }
  process.on("exit", keepAtExit)
  const keepNow = () => {
    process.off("exit", keepAtExit)
    keep()
  }
  setTimeout(keepNow, startedAfterMillis).unref()
}

const startedAfterMillis = 2_000

/** Node 20 may have none. */
const crcOf = (bytes, before) => process.getBuiltinModule("node:zlib").crc32(bytes, before)

/** V8 itself looks at the lengths alone, and dies of what it compiled where that is damaged. */
const checksum = (compiled, sourceSum) => Buffer.from(Uint32Array.of(crcOf(compiled, sourceSum)).buffer)

const compiledOf = (cache, sourceSum) => {
  try {
    const kept = readFileSync(cache)
    const compiled = kept.subarray(0, -4)
    return kept.subarray(-4).equals(checksum(compiled, sourceSum)) ? compiled : undefined
  } catch {
    return undefined
  }
}

/** A folder that cannot be written costs nothing, whatever it is that fails. */
const keepCompiled = (cache, script, sourceSum) => {
  const part = `${cache}.${process.pid}`
  try {
    // Only Looper's user may write what V8 runs, whatever the umask.
    mkdirSync(dirname(cache), { recursive: true, mode: 0o755 })
    writeFileSync(part, "", { mode: 0o644 })
    const compiled = script.createCachedData()
    writeFileSync(part, Buffer.concat([compiled, checksum(compiled, sourceSum)]))
    renameSync(part, cache)
  } catch {
    try {
      rmSync(part)
    } catch {}
  }
}
