/** The lines of a log that are in the page: one stretch of the file, in blocks, up to a limit of lines and of text. */
import { blockLines, maxBlocks, maxBytes, maxLineBytes, maxLines } from "./limits.ts"
import type { LogLine } from "./LineDecoder.ts"
import { LineKinds } from "./lineKind.ts"
import { lineElement, type LineLook } from "./lineElement.ts"

interface Block {
  readonly element: HTMLElement
  readonly lines: Array<LogLine>
}

/** A line and its element. */
export interface PlacedLine {
  readonly line: LogLine
  readonly row: Element
}

const keptBytes = (line: LogLine): number => Math.min(line.end - line.start, maxLineBytes)

/** Owns its element. */
export class LogLines {
  readonly element = document.createElement("div")
  readonly #look: LineLook
  readonly #partial = document.createElement("div")
  readonly #blockOf = new WeakMap<Element, Block>()
  #blocks: Array<Block> = []
  #count = 0
  #bytes = 0

  constructor(look: LineLook) {
    this.#look = look
    this.element.append(this.#partial)
  }

  get count(): number {
    return this.#count
  }

  /** Of the file's text that is in the page, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  get first(): LogLine | undefined {
    return this.#blocks[0]?.lines[0]
  }

  get last(): LogLine | undefined {
    return this.#blocks.at(-1)?.lines.at(-1)
  }

  get isFull(): boolean {
    return this.#blocks.length > maxBlocks || this.#count >= maxLines || this.#bytes >= maxBytes
  }

  append(lines: ReadonlyArray<LogLine>): void {
    let block = this.#blocks.at(-1)
    let rows: Array<Element> = []
    const place = () => {
      if (block !== undefined) this.#size(block, rows)
      rows = []
    }
    for (const line of lines) {
      if (block === undefined || block.lines.length >= blockLines) {
        place()
        block = this.#block()
        this.#blocks.push(block)
        this.#partial.before(block.element)
      }
      block.lines.push(line)
      rows.push(this.#row(line))
    }
    place()
  }

  prepend(lines: ReadonlyArray<LogLine>): void {
    for (let end = lines.length; end > 0; end -= blockLines) {
      const block = this.#block()
      block.lines.push(...lines.slice(Math.max(0, end - blockLines), end))
      const [before] = this.#blocks
      this.#blocks.unshift(block)
      ;(before?.element ?? this.#partial).before(block.element)
      this.#size(
        block,
        block.lines.map((line) => this.#row(line))
      )
    }
  }

  clear(): void {
    for (const { element } of this.#blocks) element.remove()
    this.#blocks = []
    this.#count = 0
    this.#bytes = 0
    this.setPartial(undefined)
  }

  /** Drops blocks at one end until the rest is within the limits; answers whether any was dropped. */
  trim(end: "first" | "last"): boolean {
    let isTrimmed = false
    while (
      this.#blocks.length > 1 &&
      (this.#blocks.length > maxBlocks || this.#count > maxLines || this.#bytes > maxBytes)
    ) {
      const block = end === "first" ? this.#blocks.shift() : this.#blocks.pop()
      if (block === undefined) break
      block.element.remove()
      this.#count -= block.lines.length
      for (const line of block.lines) this.#bytes -= keptBytes(line)
      isTrimmed = true
    }
    return isTrimmed
  }

  /** Draws the line at the end that is not whole yet. */
  setPartial(line: LogLine | undefined): void {
    if (line === undefined) this.#partial.replaceChildren()
    else this.#partial.replaceChildren(lineElement(line, this.#look))
  }

  /** The line in which a byte lies. */
  at(offset: number): PlacedLine | undefined {
    const { first, last } = this
    if (first === undefined || last === undefined || offset < first.start || offset >= last.end) return undefined
    const block = this.#blocks[lastWhere(this.#blocks, ({ lines }) => (lines[0]?.start ?? 0) <= offset)]
    if (block === undefined) return undefined
    const index = lastWhere(block.lines, ({ start }) => start <= offset)
    const line = block.lines[index]
    const row = block.element.children[index]
    return line === undefined || row === undefined ? undefined : { line, row }
  }

  /** The line that an element is in. */
  of(target: Element): PlacedLine | undefined {
    const row = target.closest(".l")
    const block = row?.parentElement === null || row === null ? undefined : this.#blockOf.get(row.parentElement)
    if (row === null || block === undefined) return undefined
    const line = block.lines[Array.prototype.indexOf.call(block.element.children, row)]
    return line === undefined ? undefined : { line, row }
  }

  /** Every line from the one at `offset` on, or backwards from it. */
  *from(offset: number, direction: 1 | -1): Generator<LogLine> {
    const ordered = direction === 1 ? this.#blocks : this.#blocks.toReversed()
    for (const { lines } of ordered) {
      const isBeyond = direction === 1 ? (lines.at(-1)?.end ?? 0) <= offset : (lines[0]?.start ?? 0) > offset
      if (isBeyond) continue
      for (const line of direction === 1 ? lines : lines.toReversed()) {
        if (direction === 1 ? line.end > offset : line.start <= offset) yield line
      }
    }
  }

  /** Lines of the blocks that are seen between two places of the screen. */
  *between(top: number, bottom: number): Generator<PlacedLine> {
    const start = lastWhere(this.#blocks, ({ element }) => element.getBoundingClientRect().top <= top)
    for (const { element, lines } of this.#blocks.slice(Math.max(0, start))) {
      if (element.getBoundingClientRect().top > bottom) return
      for (const [index, row] of [...element.children].entries()) {
        const line = lines[index]
        if (line !== undefined) yield { line, row }
      }
    }
  }

  /** Draws a line anew; `isWhole` however long it is. */
  redraw({ line, row }: PlacedLine, isWhole = false): void {
    row.replaceWith(lineElement(line, this.#look, isWhole))
  }

  /** Which lines are marked has changed. */
  remark(): void {
    for (const { element, lines } of this.#blocks) {
      for (const [index, row] of [...element.children].entries()) {
        const line = lines[index]
        if (line !== undefined) row.classList.toggle("on", this.#look.isMarked(line))
      }
    }
  }

  /** What lines from `offset` on are is known better now, by the lines before them; up to the next that says it itself. */
  rekind(offset: number, kinds: LineKinds): void {
    for (const line of this.from(offset, 1)) {
      const kind = kinds.next(line.text)
      if (kind === "role" || kind === "exec") return
      if (kind === line.kind) continue
      line.kind = kind
      const placed = this.at(line.start)
      if (placed !== undefined) this.redraw(placed)
    }
  }

  /** The line at the top of the view. */
  topOf(scroller: HTMLElement): PlacedLine | undefined {
    const { top, bottom } = scroller.getBoundingClientRect()
    for (const placed of this.between(top, bottom)) {
      if (placed.row.getBoundingClientRect().bottom > top + 4) return placed
    }
    return undefined
  }

  /** What can be told of lines from `offset` on by those before them. */
  kindsBehind(offset: number): LineKinds {
    const kinds = new LineKinds(false)
    const before: Array<LogLine> = []
    for (const line of this.from(offset - 1, -1)) {
      before.push(line)
      if (line.kind === "role" || line.kind === "exec") break
    }
    for (const { text } of before.toReversed()) kinds.next(text)
    return kinds
  }

  #row(line: LogLine): Element {
    this.#count += 1
    this.#bytes += keptBytes(line)
    return lineElement(line, this.#look)
  }

  #block(): Block {
    const element = document.createElement("div")
    element.className = "blk"
    const block = { element, lines: [] }
    this.#blockOf.set(element, block)
    return block
  }

  #size({ element, lines }: Block, rows: ReadonlyArray<Element>): void {
    element.append(...rows)
    element.style.setProperty("--lines", String(lines.length))
  }
}

/** The last index where it holds, of a list where it holds up to some index; -1 for none. */
const lastWhere = <Item>(items: ReadonlyArray<Item>, holds: (item: Item) => boolean): number => {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const item = items[middle]
    if (item !== undefined && holds(item)) low = middle + 1
    else high = middle
  }
  return low - 1
}
