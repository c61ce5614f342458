/** Every route of Looper. */
import type { MetricsServices } from "../effects/metrics.ts"
import type { RunServices } from "../effects/run.ts"
import type { StatusServices } from "../effects/status.ts"
import type { StopRunServices } from "../effects/stopRun.ts"
import type { RunLogFeeds } from "../src/services/runs/RunLogFeeds.ts"
import type { Handlers } from "../src/runtime/Handler.ts"
import { autopollTick } from "./autopollTick.ts"
import { getRun } from "./getRun.ts"
import { docs } from "./docs.ts"
import { docsFile } from "./docsFile.ts"
import { health } from "./health.ts"
import { kill } from "./kill.ts"
import { metrics } from "./metrics.ts"
import { notify } from "./notify.ts"
import { openapi } from "./openapi.ts"
import { page } from "./page.ts"
import { pageFile } from "./pageFile.ts"
import { pauseAutopoll } from "./pauseAutopoll.ts"
import { resumeAutopoll } from "./resumeAutopoll.ts"
import { run } from "./run.ts"
import { runLog } from "./runLog.ts"
import { runs } from "./runs.ts"
import { spawn } from "./spawn.ts"
import { status } from "./status.ts"
import { stopRun } from "./stopRun.ts"

/** Every service that a handler needs. */
export type HandlerServices = MetricsServices | RunServices | RunLogFeeds | StatusServices | StopRunServices

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
  status,
  runs,
  getRun,
  runLog,
  stopRun,
  metrics,
  openapi: openapi((): Handlers<unknown> => handlers),
  docs,
  docsFile,
  page,
  pageFile
} as const satisfies Handlers<HandlerServices>
