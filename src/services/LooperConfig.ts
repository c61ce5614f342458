/** The one decoded configuration. */
import { Context, type Redacted } from "effect"

/** Where and as whom the built-in Zulip client sends; missing credentials fail at the call, not at start. */
export interface ZulipConfig {
  readonly site: string | undefined
  readonly botEmail: string | undefined
  readonly botApiKey: Redacted.Redacted<string> | undefined
  readonly messageType: "stream" | "private"
  readonly stream: string
  readonly topic: string
  readonly to: string
}

export interface LooperConfigShape {
  /** Looper's folder, absolute. */
  readonly root: string
  readonly zulip: ZulipConfig
}

export class LooperConfig extends Context.Service<LooperConfig, LooperConfigShape>()("looper/services/LooperConfig") {}
