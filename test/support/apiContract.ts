/** Whether answers are those that an OpenAPI document promises. */
import { assert } from "@effect/vitest"
import { Ajv2020 } from "ajv/dist/2020.js"
import type { OpenApiDocument } from "../../src/runtime/openapi/document.ts"
import type { Answer } from "./httpClient.ts"

/** A part of the document, as far as tests read it. */
export interface Part {
  readonly [keyword: string]: Part
}

export interface Operation {
  readonly method: string
  /** With `{name}` segments. */
  readonly path: string
  readonly id: string
  /** Is its success JSON? */
  readonly isJson: boolean
}

export interface ApiContract {
  readonly operations: ReadonlyArray<Operation>
  /** Fails where status, header fields or body are not the operation's; a field too many counts. */
  holds(answer: Answer, method: string, path: string): void
  /** The same for a request that is no operation's. */
  holdsOutside(answer: Answer, code: string): void
}

const escape = (segment: string) => encodeURIComponent(segment.replaceAll("~", "~0").replaceAll("/", "~1"))
const pointerTo = (...segments: ReadonlyArray<string>) => `#/${segments.map(escape).join("/")}`

export const makeApiContract = (openApi: OpenApiDocument): ApiContract => {
  const document = openApi as unknown as Part
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  ajv.addSchema(openApi, "openapi")
  const follow = (part: Part | undefined): Part | undefined => {
    const $ref = part?.$ref as unknown
    if (typeof $ref !== "string") return part
    return $ref
      .split("/")
      .slice(1)
      .reduce<Part | undefined>((at, name) => at?.[name], document)
  }

  const check = (answer: Answer, response: Part | undefined, pointer: string, what: string) => {
    assert.isDefined(response, `${what} answers an undocumented ${answer.status}: ${answer.text}`)
    const type = String(answer.headers["content-type"]).split(";")[0] ?? ""
    assert.property(response?.content, type, what)
    for (const [name, header] of Object.entries(response?.headers ?? {})) {
      if (follow(header)?.required) assert.property(answer.headers, name.toLowerCase(), what)
    }
    if (type !== "application/json") return
    const $ref = `openapi${pointer}/content/${escape(type)}/schema`
    const isValid = ajv.compile({ $ref, unevaluatedProperties: false })
    assert.isTrue(isValid(answer.body), `${what}: ${ajv.errorsText(isValid.errors)} in ${answer.text}`)
  }

  return {
    operations: Object.entries(openApi.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        method: method.toUpperCase(),
        path,
        id: String(operation.operationId),
        isJson: (operation as unknown as Part).responses?.["200"]?.content?.["application/json"] !== undefined
      }))
    ),
    holds(answer, method, path) {
      const place = ["paths", path, method.toLowerCase(), "responses", String(answer.status)]
      const response = place.reduce<Part | undefined>((at, name) => at?.[name], document)
      check(answer, response, pointerTo(...place), `${method} ${path}`)
    },
    holdsOutside(answer, code) {
      check(answer, document.components?.responses?.[code], pointerTo("components", "responses", code), code)
    }
  }
}
