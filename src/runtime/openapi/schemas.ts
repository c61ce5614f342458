/** The schemas of a document: those with a name once, as its components. */
import { isDeepStrictEqual } from "node:util"
import { JsonSchema, Schema } from "effect"
import { plainSchema } from "./plainSchema.ts"

/** A JSON Schema of the draft that OpenAPI 3.1 speaks. */
export type Json = Readonly<Record<string, unknown>>

/** An object's fields. */
export interface Fields {
  readonly properties: Readonly<Record<string, Json>>
  readonly required: ReadonlyArray<string>
}

/** Collects the components of one document. */
export interface Schemas {
  /** What goes over the wire; where it has an identifier, a reference. */
  of(schema: Schema.Top): Json
  /** The fields of a request, which become no component of their own. */
  fieldsOf(schema: Schema.Top): Fields
  /** A reference to a schema by a name, or by a numbered one where another schema has it. */
  named(name: string, schema: Json): Json
  readonly components: Readonly<Record<string, Json>>
}

/** Where OpenAPI keeps its schemas. */
const prefix = "#/components/schemas/"

/** A schema with its fields at hand, as every struct is. */
interface Struct extends Schema.Top {
  readonly fields: Readonly<Record<string, Schema.Top>>
}

const isStruct = (schema: Schema.Top): schema is Struct => "fields" in schema

/** What was said of a field is lost where its value is a transformed one: it is said again. */
const described = (schema: Json, { fields }: Struct): Json => {
  const properties = Object.entries(Object(schema.properties) as Fields["properties"]).map(([name, property]) => {
    const field = fields[name]
    const { description, examples } = (field && Schema.resolveAnnotationsKey(field)) ?? {}
    return [name, { ...(description !== undefined && { description }), ...(examples && { examples }), ...property }]
  })
  return properties.length === 0 ? schema : { ...schema, properties: Object.fromEntries(properties) }
}

const compile = (schema: Schema.Top) => {
  const { dialect, schema: root, definitions } = Schema.toJsonSchemaDocument(schema)
  const compiled = JsonSchema.toMultiDocumentOpenApi3_1({ dialect, schemas: [root], definitions })
  const named = Object.entries(compiled.definitions).map(([name, one]) => [name, plainSchema(one)] as const)
  const result = { root: plainSchema(compiled.schemas[0]) as Json, definitions: new Map<string, Json>(named) }
  if (!isStruct(schema)) return result
  const own = nameOf(result.root)
  if (own === undefined) result.root = described(result.root, schema)
  else result.definitions.set(own, described(result.definitions.get(own) ?? {}, schema))
  return result
}

/** The component that a reference names. */
const nameOf = ({ $ref }: Json): string | undefined =>
  typeof $ref === "string" && $ref.startsWith(prefix) ? $ref.slice(prefix.length) : undefined

/** An empty collection. */
export const makeSchemas = (): Schemas => {
  const components: Record<string, Json> = {}
  const named = (wanted: string, schema: Json): Json => {
    let name = wanted
    for (let count = 2; components[name] !== undefined && !isDeepStrictEqual(components[name], schema); count++) {
      name = `${wanted}${count}`
    }
    components[name] = schema
    return { $ref: `${prefix}${name}` }
  }
  const add = (definitions: ReadonlyMap<string, Json>) => {
    for (const [name, schema] of definitions) {
      // References inside other schemas say this name and no other.
      if (nameOf(named(name, schema)) !== name) throw new Error(`two schemas have the identifier ${name}`)
    }
  }
  return {
    components,
    named,
    of(schema) {
      const { root, definitions } = compile(schema)
      add(definitions)
      return root
    },
    fieldsOf(schema) {
      const { root, definitions } = compile(schema)
      const own = nameOf(root)
      const { properties = {}, required = [] } = (own === undefined ? root : definitions.get(own)) as Partial<Fields>
      if (own !== undefined) definitions.delete(own)
      add(definitions)
      return { properties, required }
    }
  }
}
