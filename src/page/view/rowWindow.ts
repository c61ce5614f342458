/** Where rows of known heights lie. */

/** Heights in pixels. */
export interface Heights {
  readonly day: number
  readonly run: number
}

/** Where each item begins, and last where all end. */
export const topsOf = (
  items: ReadonlyArray<{ readonly kind: keyof Heights }>,
  heights: Heights
): ReadonlyArray<number> => {
  const tops = [0]
  let top = 0
  for (const { kind } of items) {
    top += heights[kind]
    tops.push(top)
  }
  return tops
}

/** The item that a pixel lies in; the first before all, the last behind all. */
export const indexAt = (tops: ReadonlyArray<number>, pixel: number): number => {
  let low = 0
  let high = Math.max(0, tops.length - 2)
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if ((tops[middle] ?? 0) <= pixel) low = middle
    else high = middle - 1
  }
  return low
}
