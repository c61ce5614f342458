/** GET /status: what runs, or why nothing does. */
import { Effect } from "effect"
import * as operation from "../effects/status.ts"
import { EmptyRequest } from "../src/domain/RunRequest.ts"
import { StatusAnswer, statusAnswer } from "../src/domain/status.ts"
import { handler } from "../src/runtime/Handler.ts"
import { version } from "../src/version.ts"

/** Changes nothing. */
export const status = handler({
  summary: "What runs, or why nothing runs and when something will",
  method: "GET",
  path: "/status",
  access: "token",
  request: EmptyRequest,
  success: StatusAnswer,
  errors: {},
  body: () => Effect.map(operation.status(), (looper) => statusAnswer(looper, version))
})
