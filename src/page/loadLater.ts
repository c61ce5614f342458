/** Parts of the page that are loaded when they are first needed, or before Looper may be gone. */
import type { PageState } from "./state/PageState.ts"
import type { Store } from "./state/Store.ts"

/** The parts. */
export type Later = typeof import("./later.ts")

let loaded: Later | undefined
let loading: Promise<Later> | undefined

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
  return later
}

/** They, once they were loaded. */
export const laterParts = (): Later | undefined => loaded

/** Loads them, and has the page drawn with them; `undefined` after a failure, when the next call tries again. */
export const loadLater = async (store: Store<PageState>): Promise<Later | undefined> => {
  try {
    const later = await (loading ??= load())
    if (loaded === undefined) {
      loaded = later
      store.update({})
    }
    return later
  } catch {
    // Looper does not answer, as the page says; its clock draws it again.
    loading = undefined
    return undefined
  }
}
