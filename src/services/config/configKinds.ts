/** What the variables of Looper's configuration may hold, beside the general kinds of configValue.ts. */
import { Option } from "effect"
import { type NoticeKind, noticeKinds } from "../../domain/noticeText.ts"
import { promptProblem } from "../../domain/prompt.ts"
import { secondsFromText } from "../../domain/seconds.ts"
import { splitWords } from "../../domain/shellWords.ts"
import { pairsOf } from "./pairs.ts"
import { type Kind, list, oneOf } from "./configValue.ts"

/** Seconds, fractions too. */
export const seconds = (options: { readonly maximum: number; readonly isZeroAllowed: boolean }): Kind<number> => ({
  allowed: `a number ${options.isZeroAllowed ? "from" : "over"} 0 to ${options.maximum}`,
  decode: (value) => {
    const number = secondsFromText(value)
    if (number === undefined || number > options.maximum) return undefined
    return number > 0 || (options.isZeroAllowed && number === 0) ? number : undefined
  }
})

/** Fractions too. */
export const days: Kind<number> = {
  allowed: "a number from 0 to 36500",
  decode: (value) => {
    const number = secondsFromText(value)
    return number !== undefined && number >= 0 && number <= 36_500 ? number : undefined
  }
}

/** Words as a shell splits them. */
export const words: Kind<ReadonlyArray<string>> = {
  allowed: "shell-quoted words with every quote closed",
  decode: (value) => Option.getOrUndefined(splitWords(value))
}

/** A prompt that codex takes; blanks around it dropped. */
export const prompt: Kind<string> = {
  allowed: "a prompt: valid Unicode, at most 131,071 bytes, not `-`",
  decode: (value) => (promptProblem(value.trim()) === undefined ? value.trim() : undefined)
}

/** In upper or lower case. */
export const logLevel: Kind<"DEBUG" | "INFO" | "WARNING" | "ERROR" | "CRITICAL"> = {
  allowed: "`DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`",
  decode: (value) => oneOf("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL").decode(value.toUpperCase())
}

/** Which notices are sent; none where it is empty. */
export const notices: Kind<ReadonlySet<NoticeKind>> = {
  allowed: "any of `autopoll`, `finish`, `failure` and `skip`, separated by commas",
  decode: (value) => {
    const words = list.decode(value) ?? []
    const kinds = noticeKinds.filter((kind) => words.includes(kind))
    return words.every((word) => kinds.some((kind) => kind === word)) ? new Set(kinds) : undefined
  }
}

/** As a URL is written out. */
export const httpUrl: Kind<string> = {
  allowed: "an http or https URL without user and password",
  decode: (value) => {
    const url = URL.parse(value.trim())
    return url !== null && /^https?:$/.test(url.protocol) && url.username + url.password === "" ? url.href : undefined
  }
}

/** As strict as Zulip's own client, so that a slip does not switch a check off. */
export const truth: Kind<boolean> = {
  allowed: "`true` or `false`",
  decode: (value) => {
    const word = value.trim().toLowerCase()
    return word === "true" || word === "false" ? word === "true" : undefined
  }
}

/** The text itself; `pairsOf` reads it. */
export const pairs: Kind<string> = {
  allowed: "`key=value` pairs, separated by commas, percent-encoded where needed",
  decode: (value) => (pairsOf(value) === undefined ? undefined : value)
}
