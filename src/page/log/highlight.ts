/** Matches drawn over the lines by the browser itself: the lines' nodes stay as they are. */
import { contentOf } from "./lineElement.ts"
import type { LogLines, PlacedLine } from "./LogLines.ts"
import { compareMatches, type Match, type Matcher } from "./matches.ts"

/** The range of characters of a line's text; `undefined` where they are not drawn. */
const rangeOf = (row: Element, column: number, length: number): Range | undefined => {
  const content = contentOf(row)
  if (content === null) return undefined
  const walker = document.createTreeWalker(content, NodeFilter.SHOW_TEXT)
  const range = new Range()
  let at = 0
  let hasStart = false
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    // The button of a long line.
    if (node.parentElement?.className === "i") continue
    const text = node as Text
    const end = at + text.length
    if (!hasStart && column < end) {
      range.setStart(text, column - at)
      hasStart = true
    }
    if (hasStart && column + length <= end) {
      range.setEnd(text, column + length - at)
      return range
    }
    at = end
  }
  return undefined
}

/** Draws the matches of the lines that are seen, and the one that is gone to; none without a matcher. */
export const drawMatches = (
  lines: LogLines,
  scroller: HTMLElement,
  found: { readonly matcher: Matcher; readonly length: number; readonly current: Match | undefined } | undefined
): void => {
  const { highlights } = CSS as { readonly highlights?: HighlightRegistry }
  if (highlights === undefined) return
  highlights.delete("find")
  highlights.delete("cur")
  if (found === undefined) return
  const { top, bottom } = scroller.getBoundingClientRect()
  const ranges: Array<Range> = []
  for (const placed of lines.between(top, bottom)) {
    for (const column of found.matcher(placed.line.text)) {
      const range = rangeOf(placed.row, column, found.length)
      if (range === undefined) continue
      ranges.push(range)
      if (isAt(found.current, placed, column)) {
        const current = new Highlight(range)
        current.priority = 1
        highlights.set("cur", current)
      }
    }
  }
  if (ranges.length > 0) highlights.set("find", new Highlight(...ranges))
}

const isAt = (match: Match | undefined, { line }: PlacedLine, column: number): boolean =>
  match !== undefined && compareMatches(match, { start: line.start, column }) === 0
