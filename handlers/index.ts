/** Every route of Looper. */
import type { AutopollTickServices } from "../effects/autopollTick.ts"
import type { RunServices } from "../effects/run.ts"
import type { Handlers } from "../src/runtime/Handler.ts"
import { autopollTick } from "./autopollTick.ts"
import { docs } from "./docs.ts"
import { docsFile } from "./docsFile.ts"
import { health } from "./health.ts"
import { kill } from "./kill.ts"
import { notify } from "./notify.ts"
import { openapi } from "./openapi.ts"
import { pauseAutopoll } from "./pauseAutopoll.ts"
import { resumeAutopoll } from "./resumeAutopoll.ts"
import { run } from "./run.ts"
import { spawn } from "./spawn.ts"

/** Every service that a handler needs. */
export type HandlerServices = AutopollTickServices | RunServices

/** What the runtime mounts, by name: client, command line, documents and `looper invoke` are made of these. */
export const handlers = {
  health,
  run,
  notify,
  kill,
  spawn,
  autopollTick,
  pauseAutopoll,
  resumeAutopoll,
  openapi: openapi((): Handlers<unknown> => handlers),
  docs,
  docsFile
} as const satisfies Handlers<HandlerServices>
