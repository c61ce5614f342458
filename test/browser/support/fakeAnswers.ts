/** Requests to the fake Looper and its answers. */

/** A request to the API as it came. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly body: Readonly<Record<string, unknown>> | undefined
}

/** An answer of JSON. */
export interface Said {
  readonly status?: number
  readonly body: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
}

/** Answers instead of the fake; `undefined`: as without it. */
export type Answering = (asked: Asked) => Said | undefined | Promise<Said | undefined>

/** An error's answer, as Looper forms it. */
export const refusal = (status: number, code: string, error: string, fields: object = {}): Said => ({
  status,
  body: { ok: false, error, code, request_id: "0badf00d", ...fields }
})
