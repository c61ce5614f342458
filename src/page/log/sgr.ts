/** Colours of a line as names of classes, of a closed list; backgrounds are not drawn. */
import Anser, { type AnserJsonEntry } from "anser"

/** A part of a line that looks the same. */
export interface Span {
  readonly text: string
  /** `""`: as the line itself. */
  readonly classes: string
}

/** By the names that anser gives; black and white are the page's own greys, a bright colour is its plain one. */
const classes: Readonly<Record<string, string>> = {
  "ansi-black": "ak",
  "ansi-red": "ar",
  "ansi-green": "ag",
  "ansi-yellow": "ay",
  "ansi-blue": "ab",
  "ansi-magenta": "am",
  "ansi-cyan": "ac",
  "ansi-white": "aw"
}

/** Red, yellow, green, cyan, blue, magenta: one in each sixth of the circle. */
const hues = ["ar", "ay", "ag", "ac", "ab", "am"] as const

/** The nearest class of a colour of red, green and blue, 0 to 255 each; `""` for what has hardly a hue. */
export const nearestColor = (red: number, green: number, blue: number): string => {
  const most = Math.max(red, green, blue)
  const spread = most - Math.min(red, green, blue)
  if (spread < 48) return ""
  const turn =
    most === red ? (green - blue) / spread : most === green ? 2 + (blue - red) / spread : 4 + (red - green) / spread
  return hues[(Math.round(turn) + 6) % 6] ?? ""
}

const levels = [0, 95, 135, 175, 215, 255]
const level = (step: number): number => levels[step] ?? 0

/** The levels of the 6 × 6 × 6 cube of the 256 colours, which begins at 16; greys begin at 232. */
const cube = (index: number): string => {
  if (index >= 232) return ""
  const place = index - 16
  return nearestColor(level(Math.floor(place / 36)), level(Math.floor(place / 6) % 6), level(place % 6))
}

const colorOf = (name: string | null, trueColor: string | null): string => {
  if (name === null) return ""
  if (name === "ansi-truecolor") {
    const [red = 0, green = 0, blue = 0] = (trueColor ?? "").split(",").map(Number)
    return nearestColor(red, green, blue)
  }
  const index = /^ansi-palette-(\d+)$/.exec(name)?.[1]
  return index === undefined ? (classes[name.replace("bright-", "")] ?? "") : cube(Number(index))
}

const decorations: Readonly<Record<string, string>> = { bold: "a1", dim: "a2", underline: "a4", strikethrough: "a9" }

const classesOf = (entry: AnserJsonEntry & { readonly isInverted?: boolean }): string => {
  const inverted = entry.isInverted === true
  const names = [
    inverted ? colorOf(entry.bg, entry.bg_truecolor) : colorOf(entry.fg, entry.fg_truecolor),
    inverted ? "a7" : "",
    ...entry.decorations.map((name) => decorations[name] ?? "")
  ]
  return [...new Set(names)].filter((name) => name !== "").join(" ")
}

/** A line's parts; colours end with their line, so that a part of a log looks as it does in the whole. */
export const spansOf = (text: string): ReadonlyArray<Span> => {
  if (!text.includes("\u001b")) return text === "" ? [] : [{ text, classes: "" }]
  return Anser.ansiToJson(text, { use_classes: true, remove_empty: true }).map((entry) => ({
    text: entry.content,
    classes: classesOf(entry)
  }))
}
