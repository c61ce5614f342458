#!/usr/bin/env node
// Sends one Zulip message, from any Node of 20 or newer: Looper's own Node 24 does it.
import { spawn } from "node:child_process"
import { createRequire } from "node:module"
import { dirname, join, sep } from "node:path"
import { argv, cwd, env, execPath, versions } from "node:process"
import { fileURLToPath } from "node:url"

const self = fileURLToPath(import.meta.url)
const folder = dirname(self)

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

/** Runs this file again and ends as that run ends. */
const runAgain = (node) => {
  const child = spawn(node, [self, ...argv.slice(2)], { stdio: "inherit" })
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal))
  child.on("error", needNode)
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? (signal === "SIGINT" ? 130 : 143)
  })
}

const needNode = () => {
  process.stderr.write(`send-zulip-dm needs Node 24, this is ${versions.node} (${execPath}); run npm ci in ${folder}\n`)
  process.exitCode = 1
}

if (isNew(versions.node)) {
  // Node strips no types below node_modules.
  const isInstalled = folder.split(sep).includes("node_modules")
  const { sendMessage } = await import(isInstalled ? "./dist/src/sendMessage.js" : "./src/sendMessage.ts")
  process.exitCode = await sendMessage({ args: argv.slice(2), root: isInstalled ? cwd() : folder, environment: env })
} else {
  const node = installedNode()
  if (node === undefined) needNode()
  else runAgain(node)
}
