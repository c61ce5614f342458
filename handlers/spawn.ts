/** POST /spawn: launch where nothing runs. */
import { Effect } from "effect"
import { spawnCodex } from "../effects/spawnCodex.ts"
import { SpawnAnswer, spawnAnswer } from "../src/domain/answers.ts"
import { SpawnRequest } from "../src/domain/RunRequest.ts"
import { handler } from "../src/runtime/Handler.ts"
import { aliveErrors, cancelErrors, launchErrors, lockErrors } from "./errors.ts"
import { launchOptions } from "./launchOptions.ts"

/** Stops nothing: with a target alive it is refused. */
export const spawn = handler({
  summary: "Starts a run where nothing runs",
  method: "POST",
  path: "/spawn",
  access: "token",
  request: SpawnRequest,
  programFields: ["codex_exec_binary"],
  success: SpawnAnswer,
  errors: { ...lockErrors, ...cancelErrors, ...launchErrors, ...aliveErrors },
  body: (request, { requestId }) => Effect.map(spawnCodex({ requestId, ...launchOptions(request) }), spawnAnswer)
})
