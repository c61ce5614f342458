/** Text as what people see as one character each. */

/**
 * An `Intl.Segmenter` of graphemes that asks ICU only where text is not plain ASCII.
 *
 * **Details** The first `Intl.Segmenter` of a process takes as long as Node's own start. The bundle puts this one in
 * the place of the one that `effect/cli` makes when it is loaded.
 */
export class GraphemeSegmenter {
  #icu: Intl.Segmenter | undefined

  segment(text: string): Iterable<{ readonly segment: string }> {
    if (/^[\x20-\x7e]*$/.test(text)) return Array.from(text, (segment) => ({ segment }))
    return (this.#icu ??= new globalThis.Intl.Segmenter()).segment(text)
  }
}
