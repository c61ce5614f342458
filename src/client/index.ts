/** Looper over HTTP: a typed client of a running one. */
export {
  type CallError,
  LogLost,
  NotLooper,
  type OperationError,
  Refused,
  RequestInvalid,
  Unreachable
} from "./clientErrors.ts"
export { type CallOptions, type ClientOf, clientOf, type ErrorOf, type InputOf } from "./clientOf.ts"
export type { FollowError, FollowOptions, LogEvent } from "./followLog.ts"
export { type LooperClient, makeClient, type RunDetails, type WaitOptions } from "./makeClient.ts"
export { reconnectSchedule } from "./reconnect.ts"
export type { ClientOptions } from "./send.ts"
