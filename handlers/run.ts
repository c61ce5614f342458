/** POST /run: announce, replace, launch. */
import { Effect, Schema } from "effect"
import { planRun } from "../effects/planRun.ts"
import * as operation from "../effects/run.ts"
import { RunAnswer, RunPlanAnswer, runAnswer, runPlanAnswer } from "../src/domain/answers.ts"
import { RunRequest } from "../src/domain/RunRequest.ts"
import { handler } from "../src/runtime/Handler.ts"
import { cancelErrors, killErrors, launchErrors, lockErrors, notifyErrors } from "./errors.ts"
import { launchOptions } from "./launchOptions.ts"

/** Also for a live run's ticket; with `dry_run` it says what would be done, without an effect. */
export const run = handler({
  summary: "Announces, stops every target, starts one fresh run",
  method: "POST",
  path: "/run",
  access: "tokenOrTicket",
  request: RunRequest,
  isIdempotent: true,
  programFields: ["codex_exec_binary", "zulip_script_path"],
  success: Schema.Union([RunAnswer, RunPlanAnswer]),
  errors: { ...lockErrors, ...notifyErrors, ...killErrors, ...cancelErrors, ...launchErrors },
  body: (request, { requestId }) => {
    const options = launchOptions(request)
    if (request.dry_run === true) return planRun(options).pipe(Effect.map(runPlanAnswer))
    const message = request.zulip_message.trim()
    const scriptPath = request.zulip_script_path
    return operation.run({ requestId, message, scriptPath, ...options }).pipe(Effect.map(runAnswer))
  }
})
