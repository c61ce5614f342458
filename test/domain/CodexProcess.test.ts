import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { isCodexExec, workspaceOf } from "../../src/domain/CodexProcess.ts"

const package_ = "/opt/x/node_modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl"

/** The words of a row separated by spaces; a row that holds a word with spaces is an array. */
type Row = string | ReadonlyArray<string>

const argvOf = (row: Row): ReadonlyArray<string> => (typeof row === "string" ? row.split(" ") : row)

const runs: ReadonlyArray<Row> = [
  "codex exec hi",
  "codex exec",
  "/opt/x/bin/codex exec hi",
  "codex exec resume --last hi",
  "codex exec review",
  "codex --ask-for-approval never exec --sandbox workspace-write -C /w hi",
  "node /usr/local/bin/codex --ask-for-approval never exec hi",
  `${package_}/bin/codex -a never exec hi`,
  "node --no-warnings /x/@openai/codex/bin/codex.js exec hi",
  "codex e hi",
  "codex -c k=v exec hi",
  "codex -ck=v exec hi",
  "codex --config=k=v exec hi",
  "codex -m gpt exec hi",
  "codex -mgpt exec",
  "codex --model=gpt exec hi",
  "codex -C /exec exec hi",
  "codex --search --no-alt-screen exec hi",
  "codex -i a.png -m gpt exec hi",
  "codex --image=a.png exec hi",
  "codex -ia.png exec hi",
  "codex foo exec P",
  ["codex", "please review this", "exec", "P"],
  ["codex", "", "exec", "P"],
  "codex - exec P",
  "codex foo --search exec P",
  "codex-x86_64-unknown-linux-musl exec hi",
  "/opt/codex-aarch64-apple-darwin exec hi",
  "codex exec -- exec",
  "codex -m login exec hi",
  "codex --unknown-flag exec hi",
  "codex --color exec hi",
  "codex exec login"
]

const interpreted: ReadonlyArray<Row> = [
  "/usr/bin/node /usr/local/bin/codex exec hi",
  "nodejs -r x.js /usr/local/bin/codex exec hi",
  "node --require codex /usr/local/bin/codex exec",
  "node --import ./x.mjs --enable-source-maps codex exec hi",
  "node --loader x codex exec hi",
  "node --env-file .env codex exec hi",
  "node --max-old-space-size=99 -- /x/codex exec hi",
  "bun /x/codex exec hi",
  "bun --preload x /x/codex exec hi",
  "node-24 /x/codex exec hi",
  "/bin/sh /opt/codex exec hi",
  "bash -eu -o pipefail /opt/codex exec hi",
  "bash -euo pipefail /opt/codex exec hi",
  "bash +o posix --rcfile x /opt/codex exec",
  "bash --posix -C /opt/codex exec hi",
  "dash /opt/codex -a never exec hi",
  "zsh /opt/codex exec hi",
  "ksh93 /opt/codex exec hi",
  "/usr/bin/python3 /usr/local/bin/codex exec hi",
  "python3.11 -u -W error -Xdev /usr/local/bin/codex exec hi",
  "python3 -Wonce codex exec hi",
  "python3 -uW error codex exec hi",
  "perl -w -I lib /usr/local/bin/codex exec hi",
  "perl -Mre /usr/local/bin/codex exec hi",
  "ruby3.2 -r set /usr/local/bin/codex exec hi",
  "env codex exec hi",
  "/usr/bin/env -i -u HOME -C /x A=b C= codex exec hi",
  "env node /x/codex exec hi",
  "busybox sh /opt/codex exec hi"
]

const others: ReadonlyArray<Row> = [
  [],
  [""],
  "exec codex",
  "vim codex exec",
  ["vim", "/x/codex exec"],
  "grep -r codex exec .",
  ["pgrep", "-f", "codex exec"],
  "pgrep -f codex exec",
  "man codex exec",
  ["tail", "-f", "/logs/codex exec"],
  "node /srv/server.js codex exec",
  ["tmux", "new", "codex exec hi"],
  ["bash", "-c", "codex exec hi"],
  ["sh", "-c", "codex -a never exec hi; echo"],
  "sudo codex exec hi",
  "codex",
  "codex --search",
  ["codex", "please exec this"],
  ["codex", "codex exec hi"],
  "codex -- exec",
  "codex foo -- exec",
  "codex -m exec",
  "codex -C exec",
  "codex -i exec",
  "codex -i x.png exec P",
  "codex --image x.png y.png exec P",
  "codex -i - exec P",
  "codex foo -i x.png exec",
  "codex foo bar exec",
  "codex - foo exec",
  "codex login",
  "codex app-server --listen exec",
  "codex mcp-server",
  "codex exec-server",
  "codex mcp add exec",
  "codex resume exec",
  "codex review exec",
  "codex e-mail",
  "codex help exec",
  "codex a exec",
  "codex doctor exec",
  "codex ex",
  "codex execute",
  ["codex-linux-sandbox", "--sandbox-policy-cwd", "/w", "--", "/bin/bash", "-c", "codex exec"],
  "codex-linux-sandbox exec",
  ["bwrap", "--as-pid-1", "--", "/bin/bash", "-c", "codex exec"],
  "node /srv/codex/exec.js",
  "node /srv/codex/exec.js exec",
  "node /srv/codex.js exec",
  "tail -f codex-exec.log",
  "codex-exec exec hi",
  "codex.sh exec hi",
  "/opt/codex/other exec hi",
  "codex/ exec",
  "node -e codex exec",
  "node --eval=1 codex exec",
  "node -pe 1 codex exec",
  "node --print codex exec",
  "node - codex exec",
  "sh -- -e /x/codex exec",
  "node",
  "bash -ec codex exec",
  "bash -s codex exec",
  "bash --rcfile codex exec",
  "bash -o codex exec",
  "python3 -c codex exec",
  "python3 -Ic codex exec",
  "python3 -m codex exec",
  "python3 -W codex exec",
  "perl -e codex exec",
  "perl -lane codex exec",
  "ruby -ne codex exec",
  "ruby -I codex exec",
  "env -S codex exec",
  "env --split-string=x codex exec",
  "env -u codex exec",
  "env A=codex exec",
  "busybox --list codex exec",
  "busybox vi codex exec",
  ["/bin/sh", "-c", 'exec "$@"', "/bin/sh", "/usr/bin/codex", "exec", "hi"]
]

const workspaces: ReadonlyArray<readonly [row: Row, workspace: string | undefined]> = [
  ["codex exec hi", undefined],
  ["codex -C /w exec hi", "/w"],
  ["codex exec -C /w hi", "/w"],
  ["codex exec hi -C /w", "/w"],
  ["codex exec -C/w --json hi", "/w"],
  ["codex exec --cd /w hi", "/w"],
  ["codex exec --cd=/w hi", "/w"],
  ["codex exec -C/w hi", "/w"],
  ["codex exec -C=/w hi", "/w"],
  [["codex", "exec", "-C", "/two words\nlines", "hi"], "/two words\nlines"],
  [["codex", "exec", "--cd=/two\nlines", "hi"], "/two\nlines"],
  ["codex -C /a exec -C /b hi", "/b"],
  ["codex -C /a exec --cd=/b -C/c hi", "/c"],
  ["codex -C /a exec hi -C", "/a"],
  ["codex -C /a exec -- -C /b", "/a"],
  ["codex exec -m -C /w", undefined],
  ["codex exec -o -C hi", undefined],
  ["codex exec --output-schema --cd=/x hi", undefined],
  ["codex --ask-for-approval never exec --sandbox workspace-write -C /w hi", "/w"],
  ["codex exec resume --last -C /w hi", "/w"],
  ["codex exec -i a.png b.png -C /w hi", "/w"],
  ["codex exec --cdx=/w hi", undefined],
  ["node /x/codex exec -C /w hi", "/w"],
  ["codex -C /w", undefined],
  ["git -C /w exec", undefined]
]

const valueOptions = [
  ..."-c --config --enable --disable --remote --remote-auth-token-env -m --model --local-provider".split(" "),
  ..."-p --profile -s --sandbox -C --cd --add-dir -a --ask-for-approval".split(" ")
]
const flags = [
  ..."--strict-config --oss --approve-for-me --dangerously-bypass-approvals-and-sandbox --yolo --worktree".split(" "),
  ..."--dangerously-bypass-hook-trust --search --no-alt-screen --no-daemon -h -V --some-new-flag".split(" ")
]

const oneOf = (words: ReadonlyArray<string>) => Arbitrary.schema(Schema.Literals(words))
const either = <A>(first: Arbitrary.Arbitrary<A>, second: Arbitrary.Arbitrary<A>) =>
  Arbitrary.flatMap(Arbitrary.schema(Schema.Boolean), (isFirst) => (isFirst ? first : second))

const anyWord = either(
  oneOf(["codex", "exec", "e", "--", "-", "-C", "-i", "-c", "-e", "login", "node", "/usr/bin/codex", "codex exec"]),
  Arbitrary.schema(Schema.String)
)
const anyWords = Arbitrary.array(anyWord, { maxLength: 8 })
const value = oneOf(["exec", "e", "--", "-C", "codex", "login", "", "/w", "k=v", "two words"])

const option = Arbitrary.map(
  Arbitrary.all([oneOf([...valueOptions, ...flags, "-i", "--image"]), value, Arbitrary.schema(Schema.Boolean)]),
  ([name, value, isGlued]): ReadonlyArray<string> => {
    if (flags.includes(name)) return [name]
    if (isGlued) return [name.startsWith("--") ? `${name}=${value}` : `${name}x${value}`]
    return name === "-i" || name === "--image" ? [name, "exec", "e", "--oss"] : [name, value]
  }
)
const options = Arbitrary.map(Arbitrary.array(option, { maxLength: 5 }), (parts) => parts.flat())

const otherProgram = oneOf([
  ..."vim grep sudo bwrap codex-linux-sandbox codex.sh codex-exec /opt/codex/x mycodex exec e -- nodemon".split(" "),
  "",
  "codex exec",
  "codex/",
  "./codex ",
  "xsh",
  "pythonic"
])
const otherStart = either(
  Arbitrary.map(otherProgram, (program): ReadonlyArray<string> => [program]),
  Arbitrary.map(
    Arbitrary.all([oneOf("sh bash dash node nodejs bun python3 perl ruby /usr/bin/env".split(" ")), otherProgram]),
    ([interpreter, script]): ReadonlyArray<string> => [interpreter, "--", script]
  )
)

describe("isCodexExec", () => {
  for (const row of [...runs, ...interpreted]) {
    it(`finds a run in ${JSON.stringify(row)}`, () => assert.isTrue(isCodexExec(argvOf(row))))
  }

  for (const row of others) {
    it(`finds no run in ${JSON.stringify(row)}`, () => assert.isFalse(isCodexExec(argvOf(row))))
  }

  it("counts the configured binary's name as codex, run directly or by an interpreter", () => {
    const programs = new Set(["my-codex"])
    for (const row of [
      "/opt/my-codex exec hi",
      "sh /opt/my-codex -a never e",
      "node ./my-codex exec",
      "env my-codex e"
    ]) {
      assert.isTrue(isCodexExec(argvOf(row), programs), row)
      assert.isFalse(isCodexExec(argvOf(row)), row)
    }
    assert.isTrue(isCodexExec(argvOf("codex exec"), programs))
    assert.isFalse(isCodexExec(argvOf("my-codex login"), programs))
    assert.isFalse(isCodexExec(argvOf("/opt/my-codex/x exec"), programs))
  })

  for (const name of "sh bash dash ash zsh ksh fish python python3 python3.11 perl ruby env node nodejs bun deno busybox".split(
    " "
  )) {
    it(`does not count ${name} as codex, even when it is the configured binary`, () => {
      const programs = new Set([name])
      assert.isFalse(isCodexExec([`/usr/bin/${name}`, "exec", "hi"], programs))
      assert.isFalse(isCodexExec(["/bin/sh", `/usr/bin/${name}`, "exec", "hi"], programs))
    })
  }

  it.prop(
    "finds no run where another program is started, whatever the words after it",
    [otherStart, anyWords],
    ([start, rest]) => assert.isFalse(isCodexExec([...start, ...rest])),
    { arbitrary: { runs: 2000 } }
  )

  it.prop(
    "finds no run in the text that a shell is given",
    [oneOf(["sh", "/bin/bash", "dash", "zsh"]), oneOf(["-c", "-ec", "-lc", "-xec"]), anyWords],
    ([shell, option, rest]) => assert.isFalse(isCodexExec([shell, option, ...rest])),
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "finds no run in a lone prompt",
    [options, Schema.String],
    ([options, prompt]) => assert.strictEqual(isCodexExec(["codex", ...options, prompt]), /^(?:exec|e)$/.test(prompt)),
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "finds a run whatever options stand before exec and whatever words after it",
    [oneOf(["codex", "/x/codex", "node\n/x/codex", "sh\n-e\n/x/codex"]), options, oneOf(["exec", "e"]), anyWords],
    ([program, options, command, rest]) =>
      assert.isTrue(isCodexExec([...program.split("\n"), ...options, command, ...rest])),
    { arbitrary: { runs: 2000 } }
  )
})

describe("workspaceOf", () => {
  for (const [row, workspace] of workspaces) {
    it(`finds ${JSON.stringify(workspace) ?? "none"} in ${JSON.stringify(row)}`, () =>
      assert.strictEqual(workspaceOf(argvOf(row)), workspace))
  }

  it("reads a run of the configured binary", () =>
    assert.strictEqual(workspaceOf(argvOf("my-codex exec -C /w"), new Set(["my-codex"])), "/w"))

  it.prop("does not look into the prompt after --", [options, Schema.String], ([options, prompt]) => {
    const argv = ["codex", ...options, "exec", "-C", "/w", "--"]
    assert.strictEqual(workspaceOf([...argv, prompt]), "/w")
  })
})
