/** What an operator should know at start, though Looper starts. */
import { statSync } from "node:fs"
import { Effect, Layer } from "effect"
import { LooperConfig } from "../services/LooperConfig.ts"

export const layerStartWarnings = Layer.effectDiscard(
  Effect.gen(function* () {
    const config = yield* LooperConfig
    const { zulip } = config
    const missing = [
      ...(zulip.site === undefined ? ["ZULIP_SITE"] : []),
      ...(zulip.botEmail === undefined ? ["ZULIP_BOT_EMAIL"] : []),
      ...(zulip.botApiKey === undefined ? ["ZULIP_BOT_API_KEY"] : [])
    ]
    if (config.notifier === "zulip" && missing.length > 0) {
      yield* Effect.logWarning("zulip.config.missing").pipe(Effect.annotateLogs({ variables: missing }))
    }
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

const isReadableByOthers = (folder: string): boolean =>
  ((statSync(folder, { throwIfNoEntry: false })?.mode ?? 0) & 0o004) !== 0
