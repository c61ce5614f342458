/** Parts of the page that are loaded when they are first needed, or before Looper may be gone. */
import type { PageState } from "./state/PageState.ts"
import type { Store } from "./state/Store.ts"

/** The parts. */
export type Later = typeof import("./later.ts")

let loaded: Later | undefined
let loading: Promise<Later> | undefined
let loadingFailed = false

/** Their style; `index.html` names its file. */
const loadStyle = (): Promise<void> => {
  const link = document.createElement("link")
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  link.rel = "stylesheet"
  link.href = document.querySelector<HTMLMetaElement>("meta[name=later-style]")?.content ?? ""
  link.addEventListener("load", () => resolve())
  link.addEventListener("error", () => {
    link.remove()
    reject(new Error(`${link.href} was not loaded`))
  })
  document.head.append(link)
  return promise
}

const load = async (): Promise<Later> => {
  const [later] = await Promise.all([import("./later.ts"), loadStyle()])
  // The log's own: a Looper that was updated meanwhile has them no more. Who needs one says what fails then.
  void Promise.allSettled([import("./log/Announcer.ts"), import("./log/Finders.ts"), import("./log/Handout.ts")])
  return later
}

/** What is said where something was wanted that could not be loaded. */
export const notLoadedWords = ({ connection }: PageState): string =>
  connection.kind === "unreachable"
    ? "Looper does not answer; nothing was sent."
    : "A part of the page could not be loaded; reload it."

/** Did the last try fail? */
export const hasFailed = (): boolean => loadingFailed

/** They, once they were loaded. */
export const laterParts = (): Later | undefined => loaded

/** Loads them, and has the page drawn with them; `undefined` after a failure, when the next call tries again. */
export const loadLater = async (store: Store<PageState>): Promise<Later | undefined> => {
  try {
    const later = await (loading ??= load())
    if (loaded === undefined) {
      loaded = later
      loadingFailed = false
      store.update({})
    }
    return later
  } catch {
    // The page's clock draws it again, and so tries again.
    loading = undefined
    loadingFailed = true
    return undefined
  }
}
