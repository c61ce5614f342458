#!/usr/bin/env node
// Sends one Zulip message, from any Node of 20 or newer: Looper's own Node 24 does it.
import { argv, cwd, env } from "node:process"
import { folder, isInstalled, load, onNode24 } from "./nodeAgain.js"

await onNode24("send-zulip-dm", async () => {
  const { sendMessage } = await load("sendMessage")
  process.exitCode = await sendMessage({ args: argv.slice(2), root: isInstalled ? cwd() : folder, environment: env })
})
