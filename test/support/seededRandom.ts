/** Random choices that a seed decides: the same seed, the same choices, on every machine. */

export interface SeededRandom {
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number
  chance(probability: number): boolean
  pick<A>(from: ReadonlyArray<A>): A
}

/** Mulberry32 over a hash of all the numbers given. */
export const seededRandom = (...seeds: ReadonlyArray<number>): SeededRandom => {
  let state = seeds.reduce((hash, seed) => mix(hash ^ Math.imul(seed, 0x9e3779b1)), 0x51ed270b)
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    return mix(state)
  }
  const below = (limit: number) => Math.floor((next() / 2 ** 32) * limit)
  return {
    below,
    chance: (probability) => next() / 2 ** 32 < probability,
    pick: (from) => from[below(from.length)] as (typeof from)[number]
  }
}

const mix = (value: number): number => {
  let mixed = Math.imul(value ^ (value >>> 15), 1 | value)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return (mixed ^ (mixed >>> 14)) >>> 0
}
