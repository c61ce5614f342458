/** The answers of Looper's API, as their schemas say; only types, none of their code is in the page. */
import type {
  KillAnswer,
  NotifyAnswer,
  RunAnswer,
  RunPlanAnswer,
  SpawnAnswer,
  TickAnswer
} from "../../domain/answers.ts"
import type { RunDetailsAnswer, RunInfo, RunsAnswer, StopAnswer } from "../../domain/runAnswers.ts"
import type { StatusAnswer } from "../../domain/status.ts"

/** `GET /status`. */
export type Status = StatusAnswer
/** One run of `GET /runs`. */
export type Run = RunInfo
/** `GET /runs`. */
export type RunsPage = typeof RunsAnswer.Type
/** `GET /runs/:id`. */
export type RunDetails = (typeof RunDetailsAnswer.Type)["run"]
/** `POST /runs/:id/stop`. */
export type Stopped = StopAnswer
/** `POST /run`. */
export type Started = typeof RunAnswer.Type
/** `POST /run` with `dry_run`. */
export type Planned = typeof RunPlanAnswer.Type
/** `POST /spawn`. */
export type Spawned = typeof SpawnAnswer.Type
/** `POST /notify`. */
export type Announced = typeof NotifyAnswer.Type
/** `POST /kill`. */
export type Killed = typeof KillAnswer.Type
/** `POST /autopoll/tick`. */
export type Ticked = typeof TickAnswer.Type
