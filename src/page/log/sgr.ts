/** Colours of a line as names of classes, of a closed list; backgrounds are not drawn. */

/** A part of a line that looks the same. */
export interface Span {
  readonly text: string
  /** `""`: as the line itself. */
  readonly classes: string
}

/** In the order of their codes; black and white are the page's own greys, a bright colour is its plain one. */
const colors = ["ak", "ar", "ag", "ay", "ab", "am", "ac", "aw"] as const

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

/** One of the 256 colours: 16 by name, a cube of 6 × 6 × 6 levels, and greys from 232 on. */
const paletteColor = (index: number): string => {
  if (index < 16) return colors[index % 8] ?? ""
  if (index >= 232) return ""
  const place = index - 16
  return nearestColor(level(Math.floor(place / 36)), level(Math.floor(place / 6) % 6), level(place % 6))
}

/** What a code begins: bold, dim, underlined, reversed, struck through. */
const begins: Readonly<Record<number, string>> = { 1: "a1", 2: "a2", 4: "a4", 7: "a7", 9: "a9" }
/** What a code ends. */
const ends: Readonly<Record<number, ReadonlyArray<string>>> = {
  21: ["a1"],
  22: ["a1", "a2"],
  24: ["a4"],
  27: ["a7"],
  29: ["a9"]
}

/** How a line is written from some place on. */
class Pen {
  #color = ""
  readonly #decorations = new Set<string>()

  get classes(): string {
    return [this.#color, ...this.#decorations].filter((name) => name !== "").join(" ")
  }

  /** Takes the parameters of one sequence. **Source** ECMA-48, 8.3.117; 38 and 48 are ISO 8613-6's. */
  take(codes: ReadonlyArray<number>): void {
    for (let index = 0; index < codes.length; index++) {
      const code = codes[index] ?? 0
      const begun = begins[code]
      if (code === 38 || code === 48) {
        const [form, first = 0, green = 0, blue = 0] = codes.slice(index + 1)
        index += form === 5 ? 2 : form === 2 ? 4 : 1
        if (code === 38) this.#color = form === 5 ? paletteColor(first) : nearestColor(first, green, blue)
      } else if (begun !== undefined) this.#decorations.add(begun)
      else if (code === 0) {
        this.#color = ""
        this.#decorations.clear()
      } else if (code === 39) this.#color = ""
      else if ((code >= 30 && code < 38) || (code >= 90 && code < 98)) this.#color = colors[code % 10] ?? ""
      else for (const ended of ends[code] ?? []) this.#decorations.delete(ended)
    }
  }
}

/** A line's parts; colours end with their line, so that a part of a log looks as it does in the whole. */
export const spansOf = (text: string): ReadonlyArray<Span> => {
  const [first = "", ...rest] = text.split("\u001b[")
  const pen = new Pen()
  const spans: Array<Span> = [{ text: first, classes: "" }]
  for (const part of rest) {
    const end = part.indexOf("m")
    pen.take(part.slice(0, end).split(";").map(Number))
    spans.push({ text: part.slice(end + 1), classes: pen.classes })
  }
  return spans.filter((span) => span.text !== "")
}
