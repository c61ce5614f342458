/** Which argument vectors are a `codex exec` run: parsed as codex parses them, never searched for words. */

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "))

/** Each takes one value, in the next element. */
export const valueOptions = words(
  "-c --config --enable --disable --remote --remote-auth-token-env -m --model --local-provider -p --profile " +
    "-s --sandbox -C --cd --add-dir -a --ask-for-approval"
)

/** The same, taken only after `exec`. */
export const execValueOptions = words(
  "--color -o --output-last-message --output-schema --thread-source --cyber-access-program"
)

/** Each takes every element up to the next option. */
export const greedyOptions = words("-i --image")

const execCommands = words("exec e")

/** Subcommands of any version. Any other first word is a prompt, and codex takes one subcommand after it. */
const otherCommands = words(
  "a agents app app-server apply archive cloud completion debug delete doctor exec-server features fork help login " +
    "logout mcp mcp-server migrate-nfs-db migrate-rollouts plugin proto queue remote-control responses-api-proxy " +
    "resume review sandbox unarchive update"
)

const targetTriple = /^codex-(?:x86_64|aarch64|armv7|i686|riscv64gc)-[a-z0-9_]+(?:-[a-z0-9_]+){1,2}$/

/** How an interpreter's options end: `values` take the next element, after `code` no script follows. */
interface Interpreter {
  readonly names: ReadonlySet<string>
  readonly values: RegExp
  readonly code: RegExp
  /** What follows the options is a command with its own program, not a script. */
  readonly isLauncher?: true
}

const interpreters: ReadonlyArray<Interpreter> = [
  {
    names: words("sh bash dash ash ksh mksh zsh fish"),
    values: /^[-+][a-zA-Z]*[oO]$|^--(?:rcfile|init-file)$/,
    code: /^-[a-zA-Z]*[cs]/
  },
  {
    names: words("node nodejs bun deno"),
    values: /^-[rC]$|^--(?:require|import|(?:experimental-)?loader|conditions|env-file(?:-if-exists)?|preload|cwd)$/,
    code: /^-(?:e|p|pe)$|^--(?:eval|print)(?:=|$)/
  },
  { names: words("python pypy"), values: /^-[a-zA-VY]*[WX]$|^--check-hash-based-pycs$/, code: /^-[a-zA-VY]*[cm]/ },
  { names: words("perl"), values: /^-I$/, code: /^-[acflnpstTuUvwWX0-9]*[eE]/ },
  { names: words("ruby"), values: /^-[IrCE]$/, code: /^-[aclnpsSvw0-9]*e/ },
  {
    names: words("env"),
    values: /^-[i0v]*[uC]$|^--(?:unset|chdir)$/,
    code: /^-[i0v]*S|^--split-string/,
    isLauncher: true
  },
  { names: words("busybox"), values: /^$/, code: /^-/, isLauncher: true }
]

const noPrograms: ReadonlySet<string> = new Set()

const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1)

const isOption = (word: string | undefined): word is string => word !== undefined && /^[-+]./s.test(word)

/** Interpreters carry their version in the name: `python3.11`, `ruby3.2`, `node-24`. */
const interpreterOf = (word: string): Interpreter | undefined => {
  const name = baseName(word).replace(/-?[0-9][0-9.]*$/, "")
  return interpreters.find(({ names }) => names.has(name))
}

const isCodex = (word: string, programs: ReadonlySet<string>): boolean => {
  const name = baseName(word)
  if (name === "codex" || targetTriple.test(name) || word.endsWith("/codex/bin/codex.js")) return true
  return programs.has(name) && interpreterOf(word) === undefined
}

/** What follows codex in an argv; undefined where neither the program nor an interpreter's script is codex. */
const afterCodex = (argv: ReadonlyArray<string>, programs: ReadonlySet<string>): ReadonlyArray<string> | undefined => {
  const [program, ...rest] = argv
  if (program === undefined) return undefined
  if (isCodex(program, programs)) return rest
  const interpreter = interpreterOf(program)
  if (interpreter === undefined) return undefined
  let index = 0
  for (let word = rest[0]; isOption(word); word = rest[index]) {
    if (interpreter.code.test(word)) return undefined
    index += interpreter.values.test(word) ? 2 : 1
    if (word === "--") break
  }
  if (interpreter.isLauncher) {
    while (rest[index]?.includes("=")) index++
    return afterCodex(rest.slice(index), programs)
  }
  const script = rest[index]
  return script !== undefined && isCodex(script, programs) ? rest.slice(index + 1) : undefined
}

/** The run that an argv starts; undefined where it is none. A short option may hold its value (`-C/w`, `-C=/w`). */
const parseRun = (
  argv: ReadonlyArray<string>,
  programs: ReadonlySet<string>
): { readonly workspace: string | undefined } | undefined => {
  const rest = afterCodex(argv, programs) ?? []
  let isExec = false
  let positionals = 0
  let workspace: string | undefined
  for (let index = 0; index < rest.length; index++) {
    const word = rest[index] ?? ""
    if (word === "--") break
    if (word === "-" || !word.startsWith("-")) {
      if (isExec) continue
      positionals++
      isExec = execCommands.has(word)
      if (!isExec && (positionals === 2 || otherCommands.has(word))) break
    } else if (greedyOptions.has(word)) {
      while (index + 1 < rest.length && !/^-./s.test(rest[index + 1] ?? "")) index++
    } else if (valueOptions.has(word) || (isExec && execValueOptions.has(word))) {
      index++
      if (word === "-C" || word === "--cd") workspace = rest[index] ?? workspace
    } else {
      workspace = /^(?:-C=?|--cd=)(.*)$/s.exec(word)?.[1] ?? workspace
    }
  }
  return isExec ? { workspace } : undefined
}

/**
 * Whether an argv is a `codex exec` run.
 *
 * **Details** The program, or the script argument of an interpreter, is named `codex` (also `codex-<target triple>`,
 * `…/codex/bin/codex.js`) or is one of `programs`, base names that also count as codex; interpreters among them are
 * ignored. Then `exec` or `e` is its first word that is neither an option nor an option's value, or the second after
 * a prompt. Neither a shell's `-c` text nor a prompt is looked into.
 */
export const isCodexExec = (argv: ReadonlyArray<string>, programs: ReadonlySet<string> = noPrograms): boolean =>
  parseRun(argv, programs) !== undefined

/**
 * The workspace that a `codex exec` argv names: the value of its last `-C` or `--cd`, before or after `exec`.
 *
 * **Details** As written: a relative one counts from that process's working directory. Undefined where the argv has
 * none or is no run.
 */
export const workspaceOf = (
  argv: ReadonlyArray<string>,
  programs: ReadonlySet<string> = noPrograms
): string | undefined => parseRun(argv, programs)?.workspace
