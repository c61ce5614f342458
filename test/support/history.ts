/** Reads a Looper's history as a client does, and says what can never be true of a run. */
import { assert } from "@effect/vitest"
import { existsSync } from "node:fs"
import type { LooperProcess } from "./looperProcess.ts"
import { isAlive, sizeOf, until } from "./processes.ts"

export interface SeenRun {
  readonly request_id: string
  readonly state: string
  readonly operation: string | null
  /** `code` of the failure that kept codex from being started. */
  readonly error: string | null
  readonly reason: string | null
  readonly cause: string | null
  readonly return_code: number | string | null
  readonly started_at: string
  readonly ended_at: string | null
  readonly duration_ms: number | null
  readonly log_path: string | null
  readonly log_bytes: number | null
  readonly is_log_pruned: boolean
  readonly pid: number | null
}

export interface SeenStatus {
  readonly server_time: string
  readonly holder: { readonly request_id: string; readonly step: string; readonly since: string } | null
  readonly run: SeenRun | null
  readonly idle: { readonly reason: string } | null
}

const bodyOf = async (looper: LooperProcess, path: string) => {
  const answer = await looper.request("GET", path)
  assert.strictEqual(answer.status, 200, answer.text)
  return answer.body as Readonly<Record<string, unknown>>
}

export const seenStatus = async (looper: LooperProcess): Promise<SeenStatus> =>
  (await bodyOf(looper, "/status")) as unknown as SeenStatus

export const seenRun = async (looper: LooperProcess, id: string): Promise<SeenRun> =>
  (await bodyOf(looper, `/runs/${id}`)).run as SeenRun

/** A page; `query` without its `?`. */
export const seenPage = async (looper: LooperProcess, query = "") => {
  const { runs, next_cursor } = await bodyOf(looper, `/runs?${query}`)
  return { runs: runs as ReadonlyArray<SeenRun>, next: next_cursor as string | null }
}

/** Waits for the end of a run in the history. */
export const seenEnd = (looper: LooperProcess, id: string): Promise<SeenRun> =>
  until(async () => {
    const run = await seenRun(looper, id)
    assertPossible(run)
    return run.ended_at !== null && run
  }, `the end of ${id} is in the history`)

const isInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const livingStates = new Set(["starting", "running"])
const finalStates = new Set(["succeeded", "failed", "stopped", "interrupted"])

/** Asserts what holds of every run at every moment. */
export const assertPossible = (run: SeenRun): void => {
  const about = JSON.stringify(run)
  const lives = livingStates.has(run.state)
  assert.isTrue(lives || finalStates.has(run.state), about)
  assert.match(run.request_id, /^(auto)?[0-9a-f]{8}$/)
  assert.match(run.started_at, isInstant)
  assert.strictEqual(run.ended_at === null, lives, about)
  assert.strictEqual(run.cause === null, lives, about)
  if (lives) assert.isNull(run.return_code, about)
  if (lives || run.state === "succeeded" || run.state === "interrupted") assert.isNull(run.reason, about)
  if (run.reason !== null) assert.isTrue(run.reason.length > 0 && Array.from(run.reason).length <= 300, about)
  if (run.state === "succeeded") assert.strictEqual(run.return_code, 0, about)
  if (run.state === "failed" && run.cause === "exited") assert.notStrictEqual(run.return_code, 0, about)
  if (run.ended_at !== null) {
    assert.match(run.ended_at, isInstant)
    const whole = Date.parse(run.ended_at) - Date.parse(run.started_at)
    assert.isAtLeast(whole, 0, about)
    if (run.duration_ms !== null) assert.isTrue(run.duration_ms >= 0 && run.duration_ms <= whole + 50, about)
    if (run.log_bytes !== null && run.log_path !== null && existsSync(run.log_path))
      assert.strictEqual(run.log_bytes, sizeOf(run.log_path), about)
    if (run.pid !== null) assert.isFalse(isAlive(run.pid), about)
  }
}
