/** A duration in seconds as callers write it: a JSON number or a numeric string. */
import { Schema, SchemaTransformation } from "effect"

const notANumber = "must be a number"

/** Decimal with optional sign, fraction and exponent; no repetition overlaps another, so matching takes linear time. */
const decimal = /^\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*$/u

const decimalText = Schema.String.check(Schema.isPattern(decimal, { message: notANumber }))

/** -0 becomes 0: it would print as `-0`. */
const withoutNegativeZero = (value: number): number => value + 0

/**
 * The number that decimal text says, undefined where it is not decimal.
 *
 * **Details** Surrounding whitespace is ignored; hexadecimal, `_`, `NaN` and `Infinity` are refused. Text beyond the
 * range of a double is an infinity.
 */
export const secondsFromText = (text: string): number | undefined =>
  decimal.test(text) ? withoutNegativeZero(Number(text)) : undefined

/**
 * A number of seconds from 0 to `maximum`, decoded from a JSON number or numeric string.
 *
 * **Errors** Issue messages complete the sentence `'<field>' …`: `must be a number`, `must be >= 0`,
 * `must be <= <maximum>`; always exactly one.
 */
export const Seconds = ({ maximum }: { readonly maximum: number }) => {
  const inRange = Schema.Number.check(
    Schema.makeFilter((value) => !Number.isNaN(value), { message: notANumber }, true),
    Schema.isGreaterThanOrEqualTo(0, { message: "must be >= 0" }).abort(),
    Schema.isLessThanOrEqualTo(maximum, { message: `must be <= ${maximum}` }).abort(),
    // True by now; it makes the JSON Schema a plain number, without the names of infinities.
    Schema.isFinite()
  )
  return Schema.Union([inRange, decimalText])
    .annotate({ message: notANumber })
    .pipe(
      Schema.decodeTo(
        inRange,
        SchemaTransformation.transform({
          decode: (value: number | string): number => withoutNegativeZero(Number(value)),
          encode: (value: number): number | string => value
        })
      )
    )
}
