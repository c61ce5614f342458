/** What `POST /run` and `POST /spawn` ask for, in the operations' words. */
import { delaySecondsOf, type SpawnRequest } from "../src/domain/RunRequest.ts"

/** `codex_prompt` counts before `prompt`; a blank workspace is the default one. */
export const launchOptions = (request: SpawnRequest) => ({
  prompt: request.codex_prompt ?? request.prompt,
  workspace: request.workspace?.trim() || undefined,
  binary: request.codex_exec_binary?.trim(),
  delaySeconds: delaySecondsOf(request),
  startupCheckSeconds: request.codex_exec_startup_check_seconds
})
