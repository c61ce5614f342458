import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { codexCommand } from "../../src/domain/CodexCommand.ts"
import { isCodexExec, workspaceOf } from "../../src/domain/CodexProcess.ts"

const commandFor = (prompt: string, extraArguments: ReadonlyArray<string> = []) =>
  codexCommand({ binary: "/bin/codex", workspace: "/w", extraArguments, prompt })
const fixed = "/bin/codex --ask-for-approval never exec --sandbox workspace-write -C /w".split(" ")

const prompts = Arbitrary.schema(
  Schema.Literals([
    "go",
    "",
    "-",
    "-x",
    "--",
    "--help",
    "resume",
    "review",
    "fork",
    "help",
    "resume it",
    " fork",
    "exec"
  ])
)
const extras = Arbitrary.array(Arbitrary.schema(Schema.Literals(["-m", "o3", "-c", "a=b", "--json"])), { maxLength: 4 })

describe("codexCommand", () => {
  it("is the documented command line", () => assert.deepStrictEqual(commandFor("do it"), [...fixed, "do it"]))

  it("keeps prompt and workspace one argument each, unquoted", () =>
    assert.deepStrictEqual(
      codexCommand({ binary: "codex", workspace: "/a b", extraArguments: [], prompt: "$(x) 'y'\nz" }).slice(-2),
      ["/a b", "$(x) 'y'\nz"]
    ))

  it("puts -- before a prompt that codex would take for an option", () => {
    for (const prompt of ["-", "-x", "--", "--help"]) {
      assert.deepStrictEqual(commandFor(prompt), [...fixed, "--", prompt])
    }
  })

  it("puts -- before a prompt that codex would take for a subcommand", () => {
    for (const prompt of ["resume", "review", "fork", "help"]) {
      assert.deepStrictEqual(commandFor(prompt), [...fixed, "--", prompt])
    }
  })

  it("puts no -- before a prompt that only begins like one", () => {
    for (const prompt of ["resume it", "Help", " -x", "forks"]) {
      assert.deepStrictEqual(commandFor(prompt), [...fixed, prompt])
    }
  })

  it("puts extra arguments before the prompt, and -- between them", () =>
    assert.deepStrictEqual(commandFor("go", ["-m", "o3"]), [...fixed, "-m", "o3", "--", "go"]))

  it.prop("ends in the prompt, and is what Looper recognises as a run in its workspace", [prompts, extras], (given) => {
    const argv = commandFor(...given)
    assert.strictEqual(argv.at(-1), given[0])
    assert.isTrue(isCodexExec(argv, new Set()))
    assert.strictEqual(workspaceOf(argv), "/w")
  })
})
