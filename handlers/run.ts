/** POST /run: announce, replace, launch. */
import { Effect } from "effect"
import * as operation from "../effects/run.ts"
import { RunAnswer, runAnswer } from "../src/domain/answers.ts"
import { RunRequest } from "../src/domain/RunRequest.ts"
import { handler } from "../src/runtime/Handler.ts"
import { killErrors, launchErrors, lockErrors, notifyErrors } from "./errors.ts"
import { launchOptions } from "./launchOptions.ts"

export const run = handler({
  method: "POST",
  path: "/run",
  access: "tokenOrTicket",
  request: RunRequest,
  programFields: ["codex_exec_binary", "zulip_script_path"],
  success: RunAnswer,
  errors: { ...lockErrors, ...notifyErrors, ...killErrors, ...launchErrors },
  body: (request, { requestId }) =>
    Effect.map(
      operation.run({
        requestId,
        message: request.zulip_message.trim(),
        scriptPath: request.zulip_script_path,
        ...launchOptions(request)
      }),
      runAnswer
    )
})
