/** `docs/api.md`: the OpenAPI document as people read it. */
import type { Handlers } from "../src/runtime/Handler.ts"
import { openApiDocument } from "../src/runtime/openapi/document.ts"
import { code, entries, fieldTable, list, nameOf, type Part, text, words } from "./schemaWords.ts"
import { row, table } from "./table.ts"

type Lines = ReadonlyArray<string>

interface Route {
  /** As handlers write it. */
  readonly title: string
  readonly method: string
  readonly path: string
  readonly operation: Part
  /** Codes by status. */
  readonly failures: ReadonlyArray<{ readonly status: string; readonly code: string }>
}

const json = "application/json"

const codeOf = (schema: Part | undefined): string => text(schema?.properties?.code?.const)

const failuresOf = (operation: Part, schemas: Part): Route["failures"] =>
  entries(operation.responses)
    .filter(([status]) => Number(status) >= 400)
    .flatMap(([status, { content }]) => {
      const schema = content?.[json]?.schema
      const each = schema?.oneOf === undefined ? [schema] : list(schema.oneOf)
      return each.map((one) => ({ status, code: codeOf(schemas[nameOf(one) ?? ""]) }))
    })

const routesOf = ({ paths, components }: Part): ReadonlyArray<Route> =>
  entries(paths).flatMap(([path, methods]) =>
    entries(methods).map(([method, operation]) => ({
      title: `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`,
      method,
      path,
      operation,
      failures: failuresOf(operation, components?.schemas ?? {})
    }))
  )

/** Statuses with their codes, one row each. */
const failureTable = (failures: Route["failures"]): Lines => {
  const byStatus = Map.groupBy(failures, ({ status }) => status)
  const rows = [...byStatus].map(([status, each]) => row(status, each.map((one) => code(one.code)).join(", ")))
  return table(["status", "`code`"], rows)
}

const parameterTable = (parameters: unknown): Lines => {
  const rows = list(parameters).map((one) =>
    row(code(one.name), text(one.in), one.required ? "yes" : "", words(one.schema ?? {}), text(one.description))
  )
  return table(["field", "in", "required", "allowed", "what it is"], rows)
}

/** A request's body: by its name, or field by field. */
const bodyLines = (requestBody: Part | undefined): Lines => {
  const schema = requestBody?.content?.[json]?.schema
  if (requestBody === undefined || schema === undefined) return []
  const head = requestBody.required ? "Body" : "Body, which may be empty"
  const isNamed = nameOf(schema) !== undefined
  return ["", `${head}: ${isNamed ? words(schema) : "JSON"}.`, ...(isNamed ? [] : fieldTable(schema))]
}

const successLine = (responses: Part): string => {
  const answers = entries(responses["200"]?.content).map(([type, { schema = {} }]) =>
    type === json ? words(schema) : `${code(type)}, ${text(schema.description)}`
  )
  const status = responses["206"] === undefined ? "200" : "200, or 206 with the `Range` asked for"
  return `Answers ${status}: ${answers.join("; ")}.`
}

const access = ["For anybody.", "", "Needs the token.", "Needs the token, or the ticket of a run that lives."]

const exampleBody = ({ requestBody }: Part, schemas: Part): Part | undefined => {
  const body = schemas[nameOf(requestBody?.content?.[json]?.schema) ?? ""]
  const fields = entries(body?.properties).flatMap(([name, { examples }]) => {
    const [example] = list(examples)
    return example === undefined ? [] : [[name, example] as const]
  })
  return requestBody?.required || fields.length > 0 ? Object.fromEntries(fields) : undefined
}

const exampleOf = ({ method, path, operation }: Route, schemas: Part): Lines => {
  const parameters = list(operation.parameters)
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const [example] = list(parameters.find((one) => text(one.name) === name)?.schema?.examples)
    return example === undefined ? `$${name.toUpperCase()}` : text(example)
  })
  const token = list(operation.security).length === 0 ? "" : ` -H "Authorization: Bearer $LOOPER_API_TOKEN"`
  const body = exampleBody(operation, schemas)
  const sent = body === undefined ? (method === "post" ? " -X POST" : "") : ` --json '${JSON.stringify(body)}'`
  return ["", "```sh", `curl -sf "$LOOPER_URL${filled}"${token}${sent}`, "```"]
}

const routeLines = (route: Route, isCommon: (code: string) => boolean, schemas: Part): Lines => {
  const { operation } = route
  const own = route.failures.filter((one) => !isCommon(one.code))
  return [
    "",
    `### \`${route.title}\``,
    "",
    `${text(operation.summary)}. ${access[list(operation.security).length] ?? ""}`,
    ...parameterTable(operation.parameters),
    ...bodyLines(operation.requestBody),
    "",
    successLine(operation.responses ?? {}),
    ...exampleOf(route, schemas),
    ...failureTable(own)
  ]
}

const everyError = new Set(["ok", "error", "code", "request_id"])

const errorTable = (failures: Route["failures"], schemas: Part): Lines => {
  const statuses = new Map(failures.map((one) => [one.code, one.status]))
  const rows = entries(schemas).flatMap(([, schema]) => {
    const own = entries(schema.properties).filter(([field]) => !everyError.has(field))
    const fields = own.map(([field, value]) => `${code(field)}: ${words(value)}`).join("; ")
    const status = statuses.get(codeOf(schema))
    return status === undefined ? [] : [row(status, code(codeOf(schema)), text(schema.description), fields)]
  })
  return table(["status", "`code`", "what is then true", "its own fields"], rows.toSorted())
}

const objectLines = (schemas: Part): Lines =>
  entries(schemas)
    .filter(([, schema]) => codeOf(schema) === "")
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, schema]) => {
      const fields = fieldTable(schema)
      return ["", `### ${name}`].concat(fields.length === 0 ? ["", `A JSON ${words(schema)}.`] : fields)
    })

/** docs/api.md */
export const apiPage = (handlers: Handlers<unknown>): string => {
  const document: Part = JSON.parse(JSON.stringify(openApiDocument(handlers)))
  const { schemas = {}, responses, headers } = document.components ?? {}
  const routes = routesOf(document)
  const unrouted = Object.values(responses ?? {}).map((one) => nameOf(one.content?.[json]?.schema) ?? "")
  const outside = unrouted.map((name) => ({ status: codeOf(schemas[name]) === "not_found" ? "404" : "405", name }))
  const failures = [
    ...routes.flatMap((route) => route.failures),
    ...outside.map(({ status, name }) => ({ status, code: codeOf(schemas[name]) }))
  ]
  const isCommon = (name: string) => routes.every((route) => route.failures.some((one) => one.code === name))
  const common = (routes[0]?.failures ?? []).filter((one) => isCommon(one.code))
  return [
    "# API",
    "",
    text(document.info?.description),
    "",
    "A running Looper serves the same as OpenAPI 3.1 at `GET /openapi.json`, and as a page at `GET /docs`. The token is",
    "`LOOPER_API_TOKEN`, as `Authorization: Bearer <token>` or `X-Looper-Token: <token>`; where none is set, this machine",
    "alone is answered, without one. Made from the code by `npm run docs`.",
    "",
    "## Routes",
    "",
    "Every route may also fail with these; a path that is no route's is 404, another method 405 with `Allow`.",
    ...failureTable(common),
    ...routes.flatMap((route) => routeLines(route, isCommon, schemas)),
    "",
    "## Errors",
    "",
    'Every error is `{"ok":false,"error":"<sentence>","code":"<code>","request_id":"…"}` and its own fields.',
    ...errorTable(failures, schemas),
    "",
    "## Header fields of answers",
    ...table(
      ["field", "what it is"],
      entries(headers).map(([name, { description }]) => row(code(name), text(description)))
    ),
    "",
    "## Objects",
    ...objectLines(schemas),
    ""
  ].join("\n")
}
