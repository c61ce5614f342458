/** What is missing is found before the first effect. */
import { assert, describe, it } from "@effect/vitest"
import { chmodSync, writeFileSync } from "node:fs"
import { Effect } from "effect"
import { type RunError, run } from "../../effects/run.ts"
import { type SpawnCodexError, spawnCodex } from "../../effects/spawnCodex.ts"
import { isAlive } from "../support/processes.ts"
import {
  type EmbeddedOptions,
  type Folder,
  layerNotifying,
  openLooper,
  type Services,
  staying
} from "./embeddedLooper.ts"

const executable = (folder: Folder, text: string) => {
  const path = folder.file("program")
  writeFileSync(path, text)
  chmodSync(path, 0o755)
  return path
}

interface Missing {
  readonly env?: EmbeddedOptions["env"]
  /** What the run is told. */
  readonly asked: (folder: Folder) => {
    readonly workspace?: string
    readonly binary?: string
    readonly prompt?: string
  }
  readonly tag: string
  readonly message: (folder: Folder) => RegExp
}

const cases: Readonly<Record<string, Missing>> = {
  "the workspace is missing": {
    asked: ({ folder }) => ({ workspace: `${folder}/nowhere` }),
    tag: "WorkspaceNotDirectory",
    message: ({ folder }) => new RegExp(`^workspace is not a directory: ${folder}/nowhere$`)
  },
  "the workspace is a file": {
    asked: ({ codexPath }) => ({ workspace: codexPath }),
    tag: "WorkspaceNotDirectory",
    message: ({ codexPath }) => new RegExp(`^workspace is not a directory: ${codexPath}$`)
  },
  "the binary is missing": {
    asked: () => ({ binary: "no-such-codex" }),
    tag: "ToolMissing",
    message: () => /^required tool is missing from PATH: no-such-codex$/
  },
  "the binary is not executable": {
    asked: (folder) => {
      const path = executable(folder, "#!/bin/sh\n")
      chmodSync(path, 0o644)
      return { binary: path }
    },
    tag: "ToolMissing",
    message: ({ folder }) => new RegExp(`^required tool is missing from PATH: ${folder}/\\d+-program$`)
  },
  "the interpreter is missing": {
    asked: (folder) => ({ binary: executable(folder, "#!/no/such/node --flag\n") }),
    tag: "ToolMissing",
    message: () => /^required tool is missing from PATH: \/no\/such\/node$/
  },
  "the interpreter that env is told is missing": {
    asked: (folder) => ({ binary: executable(folder, "#!/usr/bin/env no-such-node\n") }),
    tag: "ToolMissing",
    message: () => /^required tool is missing from PATH: no-such-node$/
  },
  "the binary is text without an interpreter": {
    asked: (folder) => ({ binary: executable(folder, "echo hello\n") }),
    tag: "ToolMissing",
    message: ({ folder }) => new RegExp(`^required tool is missing from PATH: ${folder}/\\d+-program$`)
  },
  "the prompt is too long": {
    asked: () => ({ prompt: "x".repeat(131_072) }),
    tag: "PromptUnusable",
    message: () => /^prompt is unusable: codex_prompt /
  },
  "space is short": {
    env: () => ({ LOOPER_MIN_FREE_BYTES: String(2 ** 52) }),
    asked: () => ({}),
    tag: "DiskSpaceLow",
    message: ({ logDir }) =>
      new RegExp(`^free space in ${logDir} is \\d+ bytes, LOOPER_MIN_FREE_BYTES asks for ${2 ** 52}$`)
  }
}

describe("a run has no effect at all where", () => {
  it.live.each(Object.keys(cases))("%s", (name) =>
    Effect.gen(function* () {
      const { env, asked, tag, message } = cases[name] as Missing
      let sent = 0
      const looper = yield* openLooper({
        parts: { notifier: layerNotifying(Effect.sync(() => void (sent += 1))) },
        ...(env && { env })
      })
      const { prompt } = staying(looper)
      const before = env === undefined ? yield* looper.perform(run({ message: "m", prompt })) : undefined
      const files = looper.runFiles()
      sent = 0
      const options = { prompt: "p", ...asked(looper) }
      const programs: ReadonlyArray<Effect.Effect<unknown, RunError | SpawnCodexError, Services>> = [
        run({ message: "m", ...options }),
        spawnCodex(options)
      ]
      for (const program of programs) {
        const error = yield* Effect.flip(looper.perform(program))
        assert.strictEqual(error._tag, tag)
        assert.match(error.message, message(looper))
      }
      assert.strictEqual(sent, 0)
      assert.deepStrictEqual(looper.runFiles(), files)
      if (before !== undefined) assert.isTrue(isAlive(before.started?.pid ?? 0))
    })
  )
})

describe("a run is not held up where", () => {
  it.live("no space has to be free", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper({ env: () => ({ LOOPER_MIN_FREE_BYTES: "0" }) })
      assert.isDefined((yield* looper.perform(run({ message: "m", prompt: "p" }))).started)
    })
  )
})
