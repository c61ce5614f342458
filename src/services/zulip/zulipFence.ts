/** Which fenced blocks of a Zulip message are still open at its end. */

/** Up to the language everything is optional; neither language nor header may hold a fence's characters. */
const opener = /^(`{3,}|~{3,}) *(?:\{?\.?([\w+,./#-]+) *(?:[^ ~`][^~`]*)?\}?)?$/

/** Zulip goes on reading Markdown, so fences too, inside these blocks; every other block is verbatim. */
const nests = new Set(["quote", "quoted", "spoiler"])

/**
 * The fences that close what is open, innermost first.
 *
 * **Source** Zulip's help page on message formatting; a block ends at a line that is exactly its own fence.
 */
export const openFences = (text: string): ReadonlyArray<string> => {
  const open: Array<{ readonly fence: string; readonly isVerbatim: boolean }> = []
  for (const line of text.split(/\r?\n/)) {
    const top = open.at(-1)
    if (line.trimEnd() === top?.fence) {
      open.pop()
    } else if (top === undefined || !top.isVerbatim) {
      const [, fence, language = ""] = opener.exec(line) ?? []
      if (fence !== undefined) open.push({ fence, isVerbatim: !nests.has(language.toLowerCase()) })
    }
  }
  return open.map(({ fence }) => fence).toReversed()
}
