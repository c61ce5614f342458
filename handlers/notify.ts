/** POST /notify: send a message and nothing else. */
import { Effect } from "effect"
import * as operation from "../effects/notify.ts"
import { NotifyAnswer } from "../src/domain/answers.ts"
import { NotifyRequest } from "../src/domain/RunRequest.ts"
import { handler } from "../src/runtime/Handler.ts"
import { notifyErrors } from "./errors.ts"

/** The message is trimmed; the answer carries the notifier's line about it. */
export const notify = handler({
  summary: "Sends a message and nothing else",
  method: "POST",
  path: "/notify",
  access: "token",
  request: NotifyRequest,
  success: NotifyAnswer,
  errors: notifyErrors,
  body: (request) =>
    Effect.map(operation.notify({ message: request.zulip_message.trim() }), (output) => ({
      ok: true as const,
      zulip_output: output
    }))
})
