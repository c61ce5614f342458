/** What is wrong with a request, as one sentence. */
import { SchemaIssue } from "effect"
import { missing } from "./RunRequest.ts"

/** A sentence, and the field that it is about, where it is one. */
export interface RequestProblem {
  readonly field?: string
  readonly message: string
}

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()

/**
 * The first issue of a request's schema, whose fields' issues complete `'<field>' …`.
 *
 * **Details** A field that `names` has another name for is called by that: a header field's by the header's.
 */
export const requestProblem = (
  given: SchemaIssue.Issue,
  names: Readonly<Record<string, string>> = {}
): RequestProblem => {
  const issue = formatIssue(given).issues[0]
  const step = issue?.path?.[0]
  const key = typeof step === "object" ? step.key : step
  if (issue === undefined || key === undefined) return { message: issue?.message ?? "the request is not valid" }
  const field = String(key)
  const name = names[field] ?? field
  return { field, message: issue.message === missing ? `missing '${name}'` : `'${name}' ${issue.message}` }
}
