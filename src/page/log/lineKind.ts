/** What a line of codex' output is, read from its text alone; a format that is not known leaves plain lines. */
import { plainText } from "./cleanLine.ts"

/** How a line is drawn. */
export type LineKind =
  /** As it is: the agent's words, and whatever nobody knows. */
  | "plain"
  /** Looper's and codex' own header, and what frames the rest. */
  | "header"
  /** `codex`, `user`: who speaks. */
  | "role"
  /** `exec`: a command follows. */
  | "exec"
  | "command"
  | "output"
  /** ` exited 1 in 21408ms:` */
  | "failure"
  /** `ERROR: …` */
  | "error"

type Section = "header" | "words" | "command" | "output" | "unknown"

const endOfCommand = /^ (succeeded|exited \d+) in \d+(?:\.\d+)?m?s:?$/

/** Reads lines in their order. */
export class LineKinds {
  #section: Section
  #isAgent = false
  #command: string | undefined

  /** Of a log's first line, or of one somewhere in it. */
  constructor(isFirst: boolean) {
    this.#section = isFirst ? "header" : "unknown"
  }

  /** The command that was begun and has not ended. */
  get command(): string | undefined {
    return this.#command
  }

  /** The last line was one of the agent's words. */
  get isAgent(): boolean {
    return this.#isAgent && this.#section === "words"
  }

  next(line: string): LineKind {
    const text = plainText(line)
    switch (text) {
      case "codex":
      case "user":
        this.#isAgent = text === "codex"
        return this.#enter("words", "role")
      case "thinking":
        return this.#enter("output", "exec")
      case "exec":
        return this.#enter("command", "exec")
      case "tokens used":
        return this.#enter("output", "header")
      case "--------":
        return "header"
    }
    if (text.startsWith("# ")) return this.#section === "words" ? "plain" : "header"
    const ended = endOfCommand.exec(text)
    if (ended !== null) {
      return this.#enter("output", ended[1] === "succeeded" || ended[1] === "exited 0" ? "header" : "failure")
    }
    if (text.startsWith("ERROR")) return "error"
    return this.#inSection(text)
  }

  #enter(section: Section, kind: LineKind): LineKind {
    this.#section = section
    this.#command = undefined
    return kind
  }

  #inSection(text: string): LineKind {
    switch (this.#section) {
      case "command":
        this.#section = "output"
        this.#command = commandOf(text).command
        return "command"
      case "header":
      case "output":
        return this.#section
      default:
        return "plain"
    }
  }
}

/** Lines that a reader who looks for what went wrong wants to see. */
export const isError = (text: string): boolean => {
  const plain = plainText(text)
  return plain.startsWith("ERROR") || (endOfCommand.exec(plain)?.[1] ?? "succeeded").match(/exited (?!0$)/) !== null
}

/** The line above a message of the agent. */
export const isMessage = (text: string): boolean => plainText(text) === "codex"

/** A command's line in three: what codex put before, the command, and what stands behind it. */
export const commandOf = (
  text: string
): { readonly before: string; readonly command: string; readonly after: string } => {
  const [, shell, quote = "", command = "", folder = ""] =
    /^((?:\/\S+\/)?(?:ba|z)?sh -l?c )(['"]?)(.*?)\2( in \/\S.*)?$/.exec(text) ?? []
  if (shell !== undefined) return { before: shell + quote, command, after: quote + folder }
  const [, bare = text, where = ""] = /^(.*?)( in \/\S*)?$/.exec(text) ?? []
  return { before: "", command: bare, after: where }
}
