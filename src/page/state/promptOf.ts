/** A run's prompt, as its log's header has it. */

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "\\": "\\", "'": "'" }

const unescape = (text: string): string =>
  text.replaceAll(/\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|([^]))/gi, (_, hex, unicode, named) =>
    named === undefined ? String.fromCharCode(Number.parseInt(hex ?? unicode, 16)) : (escapes[named] ?? named)
  )

/** A piece of a word: a blank, `$'…'`, `'…'`, `"…"`, or what is bare; an unended quote takes all that is left. */
const piece = /( +)|\$'((?:[^'\\]|\\[^])*)(?:'|$)|'([^']*)(?:'|$)|"([^"]*)(?:"|$)|([^ '"$]+|\$)/gy

/** The last word of a command line that Looper quoted. */
export const lastWord = (command: string): string => {
  let word = ""
  let isNext = false
  for (const [, blank, dollar, single, double, bare] of command.matchAll(piece)) {
    if (blank !== undefined) isNext = true
    else {
      const text = dollar === undefined ? (single ?? double ?? bare ?? "") : unescape(dollar)
      word = isNext ? text : word + text
      isNext = false
    }
  }
  return word
}

/** The last argument of the command in a log's header; `undefined` where there is no header. */
export const promptOf = (head: string): string | undefined => {
  const command = /^# looper_request_id=[^\n]*\n# workspace=[^\n]*\n# command=([^\n]*)/.exec(head)?.[1]
  return command === undefined || command === "" ? undefined : lastWord(command)
}
