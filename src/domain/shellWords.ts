/** Shell quoting: an argument vector as one line of text, and words of quoted text as an argument vector. */
import { Option } from "effect"

const bareWord = /^[A-Za-z0-9_@%+=:,./-]+$/

const namedEscapes: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\t": "\\t",
  "\r": "\\r",
  "\\": "\\\\",
  "'": "\\'"
}

const escapeCharacter = (character: string): string => {
  const hex = character.charCodeAt(0).toString(16)
  return namedEscapes[character] ?? (hex.length === 2 && hex >= "80" ? `\\u00${hex}` : `\\x${hex.padStart(2, "0")}`)
}

/**
 * Quotes one argument for a POSIX shell: bare where nothing is special, else in single quotes.
 *
 * **Details** An argument with control characters (C0, DEL, C1) is written `$'…'`, so the text stays one line.
 * **Source** bash(1), QUOTING, for `$'…'`: bash in a UTF-8 locale, also zsh and ksh, read it back; dash does not.
 */
export const quoteWord = (word: string): string => {
  if (bareWord.test(word)) return word
  if (/\p{Cc}/u.test(word)) return `$'${word.replaceAll(/[\p{Cc}\\']/gu, escapeCharacter)}'`
  return `'${word.replaceAll("'", `'"'"'`)}'`
}

/** Quotes an argument vector as one line that a shell splits into the same arguments. */
export const quoteCommand = (argv: ReadonlyArray<string>): string => argv.map(quoteWord).join(" ")

/** One piece of a word; the alternatives exclude each other by their first character, so nothing is tried twice. */
const piecePattern = /([ \t\r\n]+)|'([^']*)'|"([^"\\]*(?:\\[^][^"\\]*)*)"|\\([^])|([^ \t\r\n'"\\]+)/y

/**
 * Splits text into words as a POSIX shell does, without any expansion; `#` is a character like others.
 *
 * **Details** None for an unterminated quote and for a backslash with nothing after it.
 */
export const splitWords = (text: string): Option.Option<ReadonlyArray<string>> => {
  const words: Array<string> = []
  let word: string | undefined
  for (let end = 0; end < text.length; end = piecePattern.lastIndex) {
    piecePattern.lastIndex = end
    const piece = piecePattern.exec(text)
    if (piece === null) return Option.none()
    const [, blank, single, double, escaped, plain] = piece
    if (blank !== undefined) {
      if (word !== undefined) words.push(word)
      word = undefined
      continue
    }
    // A backslash before a newline joins two lines, inside double quotes too.
    const unquoted = single ?? plain ?? double?.replaceAll(/\\([$`"\\\n])/g, (_, c) => (c === "\n" ? "" : c))
    if (unquoted !== undefined) word = (word ?? "") + unquoted
    else if (escaped !== "\n") word = (word ?? "") + (escaped ?? "")
  }
  if (word !== undefined) words.push(word)
  return Option.some(words)
}
