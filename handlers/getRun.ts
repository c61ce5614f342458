/** GET /runs/:id: one run. */
import { Effect } from "effect"
import * as operation from "../effects/getRun.ts"
import { RunDetailsAnswer, runInfo, stepInfo } from "../src/domain/runAnswers.ts"
import { RunIdRequest } from "../src/domain/runQuery.ts"
import { handler } from "../src/runtime/Handler.ts"
import { historyErrors } from "./errors.ts"

/** Alive or ended, with the steps of its sequence. */
export const getRun = handler({
  summary: "One run with the steps of its sequence",
  method: "GET",
  path: "/runs/:id",
  access: "token",
  request: RunIdRequest,
  success: RunDetailsAnswer,
  errors: historyErrors,
  body: ({ id }) =>
    Effect.map(operation.getRun(id), ({ record, steps, ...now }) => ({
      ok: true as const,
      run: { ...runInfo(record, now), steps: steps.map(stepInfo) }
    }))
})
