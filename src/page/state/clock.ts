/** The server's clock, as it ticks in the state. */
import type { LooperApi } from "../api/LooperApi.ts"
import type { PageState } from "./PageState.ts"
import type { Store } from "./Store.ts"

/** Ticks each second; each tenth of one while something starts. */
export const startClock = (store: Store<PageState>, api: LooperApi): void => {
  const tick = () => {
    const { status, connection } = store.state
    if (connection.kind !== "connecting") store.update({ nowMillis: api.now() })
    const isStarting = status !== undefined && status.holder !== null && connection.kind === "online"
    // At the full second, so that no number stands for two and none is left out.
    const wait = isStarting && !document.hidden ? 100 : 1_000 - (api.now() % 1_000)
    setTimeout(tick, wait)
  }
  tick()
}
