/** Measures several sides under the same conditions: in turns, the order reversed every second round. */

/** One round of a side: the values that it measured, however many. */
export type Side = () => Promise<ReadonlyArray<number>>

/** All values of each side, in the order in which they were measured; none of one that is missing. */
export const alternate = async <Name extends string>(
  rounds: number,
  sides: Readonly<Record<Name, Side | undefined>>
): Promise<Readonly<Record<Name, ReadonlyArray<number>>>> => {
  const names = Object.keys(sides) as Array<Name>
  const values = Object.fromEntries(names.map((name) => [name, [] as Array<number>])) as Record<Name, Array<number>>
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? names : names.toReversed()
    for (const name of order) values[name].push(...((await sides[name]?.()) ?? []))
  }
  return values
}

/** A side that measures one value a round: the finer the turns, the less a busy moment of the machine hits one alone. */
export const one =
  (measure: () => Promise<number>): Side =>
  async () => [await measure()]
