#!/usr/bin/env node
// Looper's command line, from any Node of 20 or newer: Looper's own Node 24 does it.
import { load, onNode24 } from "./nodeAgain.js"

const [command, ...others] = process.argv.slice(2)
/** Help, and `serve` with options, call other functions than the command. */
const isItself = command === "serve" ? others.length === 0 : !others.some((word) => /^--?(h|help|version)$/.test(word))

await onNode24("looper", async () => {
  const { loaded } = await load("main", isItself ? command : undefined)
  await loaded
})
