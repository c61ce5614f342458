/** Looper's test kit: a codex that does as it is told, a Zulip server, and Looper itself in a temporary folder. */
export {
  type CodexStep,
  codexScript,
  installCodexStandIn,
  type StandInChild,
  type StandInPost
} from "./CodexStandIn.ts"
export {
  LooperForTests,
  type LooperForTestsError,
  type LooperForTestsOptions,
  type LooperForTestsServices,
  type LooperForTestsShape,
  type RunLogText
} from "./LooperForTests.ts"
export { type StartedLooper, startLooperForTests } from "./startLooperForTests.ts"
export { type ZulipEarlierMessage, ZulipServer, type ZulipServerOptions, type ZulipServerShape } from "./ZulipServer.ts"
export {
  type ZulipAnswer,
  type ZulipServerReply,
  type ZulipServerRequest,
  type ZulipServerScript,
  zulipReplies
} from "./zulipReplies.ts"
export type { ZulipRealm, ZulipServerMessage } from "./zulipRules.ts"
