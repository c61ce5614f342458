/** Words of the states without a working run: a run is shown without them. */
import type { PageState } from "./state/PageState.ts"
import type { Store } from "./state/Store.ts"

/** The words. */
export type StillBands = typeof import("./words/stillBands.ts")

let loaded: StillBands | undefined
let loading: Promise<void> | undefined

/** They, once they were loaded. */
export const stillBands = (): StillBands | undefined => loaded

/** Loads them, and has the page drawn with them; after a failure the next call tries again. */
export const loadBands = (store: Store<PageState>): Promise<void> => {
  const load = async () => {
    try {
      loaded = await import("./words/stillBands.ts")
      store.update({})
    } catch {
      loading = undefined
    }
  }
  loading ??= load()
  return loading
}
