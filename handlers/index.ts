/** Every route of Looper. */
import type { AutopollTickServices } from "../effects/autopollTick.ts"
import type { RunServices } from "../effects/run.ts"
import type { Handler } from "../src/runtime/Handler.ts"
import { autopollTick } from "./autopollTick.ts"
import { health } from "./health.ts"
import { kill } from "./kill.ts"
import { notify } from "./notify.ts"
import { pauseAutopoll } from "./pauseAutopoll.ts"
import { resumeAutopoll } from "./resumeAutopoll.ts"
import { run } from "./run.ts"
import { spawn } from "./spawn.ts"

/** What the runtime mounts; the order means nothing, because no two share method and path. */
export const handlers: ReadonlyArray<Handler<RunServices | AutopollTickServices>> = [
  health,
  run,
  notify,
  kill,
  spawn,
  autopollTick,
  pauseAutopoll,
  resumeAutopoll
]
