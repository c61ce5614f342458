/** What `CODEX_EXEC_EXTRA_ARGS` asks of codex, as far as a look before the run needs to know. */
import { execValueOptions, greedyOptions, valueOptions } from "../domain/CodexProcess.ts"

/** The options among the words that stand behind `exec --sandbox workspace-write -C <workspace>`. */
export interface CodexOptions {
  /** `key=value` texts of `-c`, in order. */
  readonly overrides: ReadonlyArray<string>
  /** Of `-p`. */
  readonly profile: string | undefined
  /** Flags that take no value, as written. */
  readonly flags: ReadonlySet<string>
  /** The long names of options of which codex refuses a second one, Looper's own included. */
  readonly repeated: ReadonlyArray<string>
}

const longNames: Readonly<Record<string, string>> = {
  "-c": "--config",
  "-p": "--profile",
  "-s": "--sandbox",
  "-C": "--cd"
}

const takesValue = (name: string): boolean => valueOptions.has(name) || execValueOptions.has(name)

/**
 * One option word: its name and the value in the same word.
 *
 * **Details** `--config=k=v`, `-ck=v` and `-c=k=v` all hold `k=v`, as clap takes them.
 */
const splitOption = (word: string): { readonly name: string; readonly value: string | undefined } => {
  if (word.startsWith("--")) {
    const end = word.indexOf("=")
    return end < 0 ? { name: word, value: undefined } : { name: word.slice(0, end), value: word.slice(end + 1) }
  }
  const name = word.slice(0, 2)
  if (!takesValue(name) || word.length === 2) return { name: word, value: undefined }
  return { name, value: word.slice(word[2] === "=" ? 3 : 2) }
}

/** Reads them as codex does; what is neither an option nor an option's value is passed over. */
export const codexOptions = (words: ReadonlyArray<string>): CodexOptions => {
  const overrides: Array<string> = []
  const flags = new Set<string>()
  const repeated = new Set<string>()
  let profile: string | undefined
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? ""
    if (word === "--") break
    if (!/^-./s.test(word)) continue
    const option = splitOption(word)
    if (greedyOptions.has(word)) {
      while (index + 1 < words.length && !/^-./s.test(words[index + 1] ?? "")) index++
    } else if (!takesValue(option.name)) {
      flags.add(word)
    } else {
      const value = option.value ?? words[++index] ?? ""
      const name = longNames[option.name] ?? option.name
      if (name === "--config") overrides.push(value)
      else if (name === "--profile") {
        if (profile !== undefined) repeated.add(name)
        profile = value
      } else if (name === "--sandbox" || name === "--cd") repeated.add(name)
    }
  }
  return { overrides, profile, flags, repeated: [...repeated] }
}
