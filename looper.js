#!/usr/bin/env node
// Looper's command line, from any Node of 20 or newer: Looper's own Node 24 does it.
import { load, onNode24 } from "./nodeAgain.js"

await onNode24("looper", () => load("main", process.argv[2]))
