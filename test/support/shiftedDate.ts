/** Preloaded into a Looper: its wall clock is off by the milliseconds that stand in the file `TEST_CLOCK`. */
import { readFileSync } from "node:fs"

const RealDate = Date
const offsetMillis = () => Number(readFileSync(process.env.TEST_CLOCK ?? "", "utf8"))

class ShiftedDate extends RealDate {
  constructor(...values: ReadonlyArray<number>) {
    super(...((values.length === 0 ? [ShiftedDate.now()] : values) as [number]))
  }
  static override now(): number {
    return RealDate.now() + offsetMillis()
  }
}

globalThis.Date = ShiftedDate as unknown as DateConstructor
