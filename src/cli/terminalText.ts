/** A run's raw output as a terminal may be given it: nothing in it moves, clears, answers or renames. */

/** Raw bytes go in, harmless text comes out. */
export interface TerminalText {
  /** Takes the next bytes in pieces of any size, and gives what is complete by now. */
  readonly push: (bytes: Uint8Array) => string
  /** The rest; after colours also what switches them off. */
  readonly end: () => string
}

/** A longer sequence of parameters is none that any terminal needs for a colour. */
const longestColor = 64

const escape = "\u001b"

/** A colour (SGR: ECMA-48, 8.3.117), the end of a line, or any other control character. */
const controls = new RegExp(`${escape}\\[[0-9;:]{0,${longestColor}}m|\\r\\n|(?![\\t\\n])\\p{Cc}`, "gu")

/** What the next bytes may yet make a colour or the end of a line. */
const unfinished = new RegExp(`(?:${escape}(?:\\[[0-9;:]{0,${longestColor}})?|\\r)$`, "u")

/**
 * Makes the text of one log for a terminal.
 *
 * **Details** As in the server log's mirror: invalid UTF-8 becomes U+FFFD, each control character but tab `?`, and a
 * CR before the newline is dropped. Colours stay, or are dropped without a trace where there are to be none.
 */
export const makeTerminalText = (options: { readonly isColored: boolean }): TerminalText => {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
  let kept = ""
  let isColorOn = false

  const clean = (text: string): string =>
    text.replace(controls, (found) => {
      if (found === "\r\n") return "\n"
      if (!found.startsWith(`${escape}[`)) return "?"
      if (!options.isColored) return ""
      isColorOn = true
      return found
    })

  return {
    push: (bytes) => {
      const text = kept + decoder.decode(bytes, { stream: true })
      kept = unfinished.exec(text)?.[0] ?? ""
      return clean(text.slice(0, text.length - kept.length))
    },
    end: () => {
      const rest = clean(kept + decoder.decode())
      kept = ""
      return isColorOn ? `${rest}${escape}[0m` : rest
    }
  }
}

/** One line without any control character, colours dropped. */
export const plainLine = (bytes: Uint8Array): string => {
  const text = makeTerminalText({ isColored: false })
  return (text.push(bytes) + text.end()).replaceAll("\n", " ")
}
