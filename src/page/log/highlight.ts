/** Matches drawn over the lines by the browser itself: the lines' nodes stay as they are. */
import { contentOf } from "./lineElement.ts"
import type { LogLines, PlacedLine } from "./LogLines.ts"
import type { LogView } from "./LogView.ts"
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

/** Brings a match of a line that was gone to into view; of a long line that is cut before it, all is drawn. */
export const showMatch = ({ lines, scroller, follow }: LogView, match: Match, length: number): void => {
  const range = () => {
    const placed = lines.at(match.start)
    return placed === undefined ? undefined : rangeOf(placed.row, match.column, length)
  }
  const placed = lines.at(match.start)
  if (placed !== undefined && range() === undefined) lines.redraw(placed, true)
  const scroll = () => {
    const [view, seen] = [scroller.getBoundingClientRect(), range()?.getBoundingClientRect()]
    if (follow.isFollowing || seen === undefined) return
    if (seen.left < view.left || seen.right > view.right) scroller.scrollLeft += middle(seen).x - middle(view).x
    if (seen.top < view.top || seen.bottom > view.bottom) scroller.scrollTop += middle(seen).y - middle(view).y
    follow.stick()
  }
  // The row is in view after the first frame, and as wide as its text after the second.
  requestAnimationFrame(() => requestAnimationFrame(scroll))
}

const middle = ({ left, right, top, bottom }: DOMRect) => ({ x: (left + right) / 2, y: (top + bottom) / 2 })

const isAt = (match: Match | undefined, { line }: PlacedLine, column: number): boolean =>
  match !== undefined && compareMatches(match, { start: line.start, column }) === 0
