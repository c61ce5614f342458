/** The JSON Schemas of an OpenAPI document in words. */
import { row, table } from "./table.ts"

/** A part of a document, as far as a page reads it. */
export interface Part {
  readonly [keyword: string]: Part
}

/** A string's text in one line of a table; of anything else nothing. */
export const text = (part: unknown): string =>
  typeof part === "string" ? part.replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, " ") : ""

/** The elements of an array. */
export const list = (part: unknown): ReadonlyArray<Part> => (Array.isArray(part) ? part : [])

/** Names and values of an object. */
export const entries = (part: unknown): ReadonlyArray<readonly [string, Part]> => Object.entries(Object(part))

/** A value in a code span. */
export const code = (value: unknown): string =>
  `\`${typeof value === "string" && value !== "" ? value : JSON.stringify(value)}\``

/** The name of the component that a reference names. */
export const nameOf = (schema: Part | undefined): string | undefined =>
  text(schema?.$ref).split("/").at(-1) || undefined

const bound = (value: unknown): string => Number(value).toLocaleString("en")

const numberWords = ({ type, minimum, maximum }: Part): string => {
  const name = type === undefined ? "any" : text(type)
  if (minimum === undefined) return maximum === undefined ? name : `${name}, at most ${bound(maximum)}`
  return maximum === undefined
    ? `${name}, at least ${bound(minimum)}`
    : `${name}, ${bound(minimum)} to ${bound(maximum)}`
}

const isNumber = ({ type }: Part): boolean => ["number", "integer"].includes(text(type))

const choiceWords = (choices: ReadonlyArray<Part>): string => {
  const numbers = choices.some(isNumber)
  return choices.map((one) => (numbers && text(one.type) === "string" ? "the same as text" : words(one))).join(" or ")
}

const objectWords = ({ properties }: Part): string => {
  const names = entries(properties).map(([name]) => code(name))
  return names.length === 0 ? "object" : `object with ${names.join(", ")}`
}

/** What a value may be; a component is a link to its heading. */
export const words = (schema: Part): string => {
  const name = nameOf(schema)
  const { const: only, enum: values, anyOf, items, type } = schema
  if (name !== undefined) return `[${name}](#${name.toLowerCase()})`
  if (only !== undefined) return code(only)
  if (values !== undefined) return list(values).map(code).join(", ")
  if (anyOf !== undefined) return choiceWords(list(anyOf))
  if (items !== undefined) return `array of ${words(items)}`
  return text(type) === "object" ? objectWords(schema) : numberWords(schema)
}

/** An object's fields as a table. */
export const fieldTable = ({ properties, required }: Part): ReadonlyArray<string> => {
  const isRequired = (name: string) => list(required).some((one) => String(one) === name)
  const rows = entries(properties).map(([name, schema]) =>
    row(code(name), isRequired(name) ? "yes" : "", words(schema), text(schema.description))
  )
  return table(["field", "required", "allowed", "what it is"], rows)
}
