/** What of a log's line is shown: its text and its colours, and nothing that would act on a terminal or on the reader. */

const escape = "\u001b"
/** Anything that needs more than to be shown as it is. */
// eslint-disable-next-line no-control-regex
const special = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

/**
 * Control sequences in the order in which they must be tried: CSI, strings (OSC, DCS, SOS, PM, APC, which end in BEL,
 * ST or the line), other escapes, single controls.
 *
 * **Source** ECMA-48, 5.4 and 8.3; OSC's end by BEL is xterm's.
 */
const sequences =
  // eslint-disable-next-line no-control-regex
  /(?:\u001b\[|\u009b)([0-?]*)[ -/]*([@-~])?|(?:\u001b[\]P_^X]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c|$)?|\u001b[ -/]*[0-~]?|[\u202a-\u202e\u2066-\u2069]|[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g

/** Its parameters in the form that every reader of SGR knows; colours of underlines are none of ours. */
const sgr = (parameters: string): string => {
  if (/^[0-9;]{0,5}$/.test(parameters)) return `${escape}[${parameters}m`
  if (/[^0-9;:]/.test(parameters)) return ""
  const known = parameters
    .replaceAll(/(^|;)4:(\d)/g, (_, before: string, style: string) => `${before}${style === "0" ? "24" : "4"}`)
    .replaceAll(/(^|;)58[:;](?:2[:;]+\d+[:;]\d+[:;]\d+|5[:;]\d+)/g, "$1")
    .replaceAll(/([34]8):2:\d*:(\d+:\d+:\d+)/g, "$1:2:$2")
    .replaceAll(":", ";")
  return `${escape}[${known}m`
}

const visible = (sequence: string, parameters: string | undefined, final: string | undefined): string => {
  if (final === "m") return sgr(parameters ?? "")
  if (sequence === "\b") return sequence
  const code = sequence.codePointAt(0) ?? 0
  return code >= 0x202a && code <= 0x2069 ? `<U+${code.toString(16).toUpperCase()}>` : ""
}

// eslint-disable-next-line no-control-regex
const pieces = /\u001b\[[\d;]*m|\u0008|[^\u001b\u0008]/gu

/** Takes back what a backspace takes back; colours stay. */
const withoutBackspaces = (text: string): string => {
  const kept: Array<string> = []
  /** Of what is seen and not taken back, where it stands in `kept`. */
  const seen: Array<number> = []
  for (const [piece] of text.matchAll(pieces)) {
    if (piece === "\b") {
      const last = seen.pop()
      if (last !== undefined) kept[last] = ""
    } else {
      if (!piece.startsWith(escape)) seen.push(kept.length)
      kept.push(piece)
    }
  }
  return kept.join("")
}

// eslint-disable-next-line no-control-regex
const sgrOnly = /\u001b\[[\d;]*m/g

// eslint-disable-next-line no-control-regex
const cutSgr = /\u001b(\[[\d;]*)?$/

/** A line's first characters; of a colour that is cut there nothing is left. */
export const firstOf = (text: string, characters: number): string => text.slice(0, characters).replace(cutSgr, "")

/** Without its colours too. */
export const plainText = (text: string): string => (text.includes(escape) ? text.replaceAll(sgrOnly, "") : text)

/**
 * A line as it is shown: of what a carriage return overwrites the last, backspaces applied, SGR kept as `ESC [ … m`,
 * every other control sequence and control dropped, characters that turn the direction of text made visible.
 */
export const cleanLine = (line: string): string => {
  if (!special.test(line)) return line
  let cleaned = ""
  for (const overwrite of line.split("\r").toReversed()) {
    const text = overwrite.replace(sequences, visible)
    cleaned = text.includes("\b") ? withoutBackspaces(text) : text
    if (plainText(cleaned) !== "") return cleaned
  }
  return ""
}
