/** What an operator should know at start, though Looper starts. */
import { statSync } from "node:fs"
import { Effect, Layer } from "effect"
import { LooperConfig, type ZulipConfig } from "../services/config/LooperConfig.ts"
import { missingCredentials } from "../services/zulip/zulipAccess.ts"

/** Logs them once: Zulip's settings, remote peers without a token, a log folder that others can read. */
export const layerStartWarnings = Layer.effectDiscard(
  Effect.gen(function* () {
    const config = yield* LooperConfig
    if (config.notifier === "zulip") yield* warnOfZulip(config.zulip)
    if (config.isRemoteAllowedWithoutToken && config.apiToken === undefined) {
      yield* Effect.logWarning("server.unauthenticated_remote").pipe(
        Effect.annotateLogs({ variable: "LOOPER_ALLOW_UNAUTHENTICATED_REMOTE", advice: "set LOOPER_API_TOKEN" })
      )
    }
    if (isReadableByOthers(config.logDir)) {
      yield* Effect.logWarning("server.log_folder_readable").pipe(Effect.annotateLogs({ path: config.logDir }))
    }
  })
)

const warnOfZulip = Effect.fnUntraced(function* (zulip: ZulipConfig) {
  const variables = missingCredentials(zulip)
  if (variables.length > 0) {
    yield* Effect.logWarning("zulip.config.missing").pipe(Effect.annotateLogs({ variables }))
  }
  if (zulip.problem !== undefined) {
    yield* Effect.logWarning("zulip.config.unusable").pipe(Effect.annotateLogs({ reason: zulip.problem }))
  }
  if (zulip.zuliprc?.isReadableByOthers) {
    yield* Effect.logWarning("zulip.config.readable").pipe(
      Effect.annotateLogs({ path: zulip.zuliprc.path, advice: "chmod 600" })
    )
  }
  if (zulip.isInsecure) {
    yield* Effect.logWarning("zulip.config.insecure").pipe(
      Effect.annotateLogs({ advice: "trust its certificate with ZULIP_CERT_BUNDLE instead" })
    )
  }
})

const isReadableByOthers = (folder: string): boolean =>
  ((statSync(folder, { throwIfNoEntry: false })?.mode ?? 0) & 0o004) !== 0
