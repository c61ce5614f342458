/** Every route of Looper. */
import { autopollTick } from "./autopollTick.ts"
import { health } from "./health.ts"
import { kill } from "./kill.ts"
import { notify } from "./notify.ts"
import { run } from "./run.ts"
import { spawn } from "./spawn.ts"

export const handlers = [health, run, notify, kill, spawn, autopollTick]
