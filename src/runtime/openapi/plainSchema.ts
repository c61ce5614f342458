/** JSON Schemas in the words that people write: without what a generator needs. */
import type { JsonSchema } from "effect"

type Schema = JsonSchema.JsonSchema

/** Keywords by what they hold. */
const ofOne = new Set(["items", "additionalProperties", "not", "contains", "propertyNames"])
const ofMany = new Set(["anyOf", "oneOf", "allOf", "prefixItems"])
const ofNamed = new Set(["properties", "patternProperties"])

const isObject = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const plainValue = (keyword: string, value: unknown): unknown => {
  if (ofOne.has(keyword) && isObject(value)) return plainSchema(value)
  if (ofMany.has(keyword) && Array.isArray(value)) return value.map((one: Schema) => plainSchema(one))
  if (ofNamed.has(keyword) && isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plainSchema(one as Schema)]))
  }
  return value
}

/** `allOf` holds what was said later of the same value: it is one schema, unless a keyword came twice. */
const withoutAllOf = ({ allOf, ...rest }: Schema): Schema => {
  if (!Array.isArray(allOf)) return rest
  const merged: Schema = { ...rest }
  const left: Array<Schema> = []
  for (const part of allOf as ReadonlyArray<Schema>) {
    if (Object.keys(part).every((key) => key === "description" || !(key in merged))) Object.assign(merged, part)
    else left.push(part)
  }
  return left.length === 0 ? merged : { ...merged, allOf: left }
}

/** Bounds that are those of every integer. */
const withoutSafeBounds = (schema: Schema): Schema =>
  Object.fromEntries(
    Object.entries(schema).filter(
      ([keyword, value]) =>
        !(keyword === "minimum" && value === Number.MIN_SAFE_INTEGER) &&
        !(keyword === "maximum" && value === Number.MAX_SAFE_INTEGER)
    )
  )

/** `{"not": {"type": "null"}}` stands for an object without any field. */
const isAnything = ({ not }: Schema): boolean => isObject(not) && not.type === "null"

const withConst = (schema: Schema): Schema => {
  const { enum: values, type: _type, ...rest } = schema
  return Array.isArray(values) && values.length === 1 ? { const: values[0], ...rest } : schema
}

/** The same schema without bounds that every integer has, one-valued `enum`, and `allOf` of annotations. */
export const plainSchema = (schema: Schema): Schema => {
  const entries = Object.entries(schema).filter(
    ([keyword, value]) => keyword !== "additionalProperties" || value !== true
  )
  let plain = withoutAllOf(Object.fromEntries(entries.map(([keyword, value]) => [keyword, plainValue(keyword, value)])))
  if (isAnything(plain)) plain = { type: "object" }
  if (plain.type === "integer") plain = withoutSafeBounds(plain)
  return withConst(plain)
}
