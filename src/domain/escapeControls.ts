/** Foreign text as one harmless line. */

const shortEscapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }

/** Control characters as `\n`, `\t`, `\r` or `\xHH`: one line whatever the text holds. */
export const escapeControls = (text: string): string =>
  text.replace(/[\p{Cc}\u2028\u2029]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0
    const hex = code.toString(16)
    return shortEscapes[character] ?? (code < 0x100 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex}`)
  })
