/** One line of a log as elements; nothing of it is ever more than text. */
import { bytes, grouped } from "../words/time.ts"
import { firstOf, plainText } from "./cleanLine.ts"
import { drawnCharacters, maxLineBytes } from "./limits.ts"
import type { LogLine } from "./LineDecoder.ts"
import { commandOf, type LineKind } from "./lineKind.ts"
import { spansOf } from "./sgr.ts"

const classes: Readonly<Record<LineKind, string>> = {
  plain: "l",
  header: "l hdr",
  role: "l role",
  exec: "l role x",
  command: "l cmd",
  output: "l out",
  failure: "l xf",
  error: "l err"
}

/** How lines are drawn. */
export interface LineLook {
  /** Without the reading aid. */
  readonly isPlain: boolean
  readonly isMarked: (line: LogLine) => boolean
  /** The address of a line, for who opens it elsewhere. */
  readonly hrefOf: (line: LogLine) => string
}

const element = (name: string, className: string, text?: string): HTMLElement => {
  const made = document.createElement(name)
  made.className = className
  if (text !== undefined) made.textContent = text
  return made
}

/** A copy of it is made sooner than each of its parts. */
const emptyRow = element("div", "")
const emptyNumber = element("a", "")
emptyNumber.tabIndex = -1
emptyRow.append(emptyNumber, element("span", ""))

const textOf = (line: LogLine, isWhole: boolean): string =>
  isWhole ? line.text : `${firstOf(line.text, drawnCharacters)}…`

const fill = (content: HTMLElement, text: string, isCommand: boolean): void => {
  if (isCommand) {
    const { before, command, after } = commandOf(text)
    content.append(before, element("b", "", command), after)
    return
  }
  for (const span of spansOf(text)) {
    content.append(span.classes === "" ? span.text : element("span", span.classes, span.text))
  }
}

const showAll = (line: LogLine): HTMLElement => {
  const characters = grouped(plainText(line.text).length + line.cutCharacters)
  const button = element("button", "i", `${characters} characters, show ${line.isCut ? "the first 1 MB" : "all"}`)
  button.setAttribute("type", "button")
  button.dataset.do = "showAll"
  return button
}

/** A line; `isWhole` draws it however long it is. */
export const lineElement = (line: LogLine, look: LineLook, isWhole = false): HTMLElement => {
  const kind = look.isPlain ? "plain" : line.kind
  const row = emptyRow.cloneNode(true) as HTMLElement
  const [number, content] = row.children as unknown as [HTMLElement, HTMLElement]
  row.className = classes[kind]
  if (look.isMarked(line)) row.classList.add("on")
  number.textContent = line.number === undefined ? "·" : String(line.number)
  number.setAttribute("href", look.hrefOf(line))
  number.setAttribute("aria-label", line.number === undefined ? `Line at byte ${line.start}` : `Line ${line.number}`)
  const isDrawn = isWhole || line.text.length <= drawnCharacters
  if (!isDrawn) content.append(showAll(line))
  fill(content, isDrawn ? line.text : textOf(line, false), kind === "command" && !line.text.includes("\u001b"))
  if (isDrawn && line.isCut)
    content.append(`… and ${bytes(line.end - line.start - maxLineBytes)} more: download the log`)
  // An empty row is left out of a copied text.
  if (content.firstChild === null) content.append(element("br", ""))
  return row
}

/** Where a line's text stands, for ranges. */
export const contentOf = (row: Element): Element | null => row.lastElementChild
