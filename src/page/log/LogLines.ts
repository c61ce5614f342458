/** The lines of a log that are in the page: one stretch of the file, in blocks, up to a limit of lines and of text. */
import { blockBytes, blockLines, maxBlocks, maxBytes, maxLineBytes, maxLines } from "./limits.ts"
import type { LogLine } from "./LineDecoder.ts"
import { LineKinds } from "./lineKind.ts"
import { lineElement, type LineLook } from "./lineElement.ts"

interface Block {
  readonly element: HTMLElement
  readonly lines: Array<LogLine>
  bytes: number
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
  #partialLine: LogLine | undefined
  readonly #blockOf = new WeakMap<Element, Block>()
  #blocks: Array<Block> = []
  #count = 0
  #bytes = 0
  #undrawn = 0

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

  /** Not all lines have their elements yet. */
  get isUndrawn(): boolean {
    return this.#undrawn > 0
  }

  /** `isDrawn` false: their elements are made when they are seen, or by {@link draw}. */
  append(lines: ReadonlyArray<LogLine>, isDrawn = true): void {
    const filled = this.#fill(lines, this.#blocks.pop(), this.#partial)
    this.#blocks.push(...filled)
    for (const block of filled) {
      if (isDrawn) this.#draw(block)
      else this.#size(block)
    }
  }

  /** Makes elements that are missing, of the newest lines first, until a time of `performance.now()`. */
  draw(until: number): void {
    for (let index = this.#blocks.length - 1; index >= 0 && this.#undrawn > 0; index--) {
      const block = this.#blocks[index]
      if (block === undefined || !isUndrawn(block)) continue
      if (performance.now() >= until) return
      this.#draw(block)
    }
  }

  prepend(lines: ReadonlyArray<LogLine>): void {
    const filled = this.#fill(lines, undefined, this.#blocks[0]?.element ?? this.#partial)
    this.#blocks.unshift(...filled)
    for (const block of filled) this.#draw(block)
  }

  clear(): void {
    this.element.replaceChildren(this.#partial)
    this.#blocks = []
    this.#count = 0
    this.#bytes = 0
    this.#undrawn = 0
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
      this.#undrawn -= block.lines.length - block.element.childElementCount
      this.#bytes -= block.bytes
      isTrimmed = true
    }
    return isTrimmed
  }

  /** Draws the line at the end that is not whole yet. */
  setPartial(line: LogLine | undefined): void {
    if (line === this.#partialLine) return
    this.#partialLine = line
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
    this.#draw(block)
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

  /** Makes elements that are missing between two places of the screen. */
  drawBetween(top: number, bottom: number): void {
    for (const block of this.#blocksBetween(top, bottom)) this.#draw(block)
  }

  /** Lines of the blocks that are seen between two places of the screen. */
  *between(top: number, bottom: number): Generator<PlacedLine> {
    for (const block of this.#blocksBetween(top, bottom)) {
      const { element, lines } = block
      this.#draw(block)
      for (const [index, row] of [...element.children].entries()) {
        const line = lines[index]
        if (line !== undefined) yield { line, row }
      }
    }
  }

  *#blocksBetween(top: number, bottom: number): Generator<Block> {
    const start = lastWhere(this.#blocks, ({ element }) => element.getBoundingClientRect().top <= top)
    for (const block of this.#blocks.slice(Math.max(0, start))) {
      if (block.element.getBoundingClientRect().top > bottom) return
      yield block
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

  /** Puts lines into a block, as far as it has room, and into new ones behind it; answers all of these. */
  #fill(lines: ReadonlyArray<LogLine>, first: Block | undefined, next: Element): Array<Block> {
    let block = first
    const filled = block === undefined ? [] : [block]
    for (const line of lines) {
      const bytes = keptBytes(line)
      if (block === undefined || block.lines.length >= blockLines || block.bytes + bytes > blockBytes) {
        block = this.#block()
        filled.push(block)
        next.before(block.element)
      }
      block.lines.push(line)
      block.bytes += bytes
      this.#bytes += bytes
      this.#count += 1
      this.#undrawn += 1
    }
    return filled
  }

  /** Makes the elements that a block misses: its elements are always those of its first lines. */
  #draw(block: Block): void {
    const missing = block.lines.slice(block.element.childElementCount)
    if (missing.length === 0) return
    this.#undrawn -= missing.length
    block.element.append(...missing.map((line) => lineElement(line, this.#look)))
    this.#size(block)
  }

  #block(): Block {
    const element = document.createElement("div")
    element.className = "blk"
    const block = { element, lines: [], bytes: 0 }
    this.#blockOf.set(element, block)
    return block
  }

  #size(block: Block): void {
    block.element.style.setProperty("--lines", String(block.lines.length))
    block.element.classList.toggle("undrawn", isUndrawn(block))
  }
}

const isUndrawn = ({ element, lines }: Block): boolean => element.childElementCount < lines.length

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
