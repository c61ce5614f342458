/** What all actions share: telling, asking once, and a token that is not taken. */
import { ApiError } from "../api/ApiError.ts"
import type { Pending } from "../state/PageState.ts"
import type { Context } from "./Actions.ts"

/** How long a line about what went well stands, in milliseconds; one about a failure stands until the next. */
const noticeMillis = 20_000
/** Who has typed a wrong token waits so long, in milliseconds. */
export const tokenPauseMillis = 2_000

/** Helpers over one page. */
export interface Asking {
  /** A line about what a button did. */
  readonly tell: (text: string, options?: { readonly isFailure: boolean }) => void
  /** Does it, unless the same is under way. */
  readonly once: (name: Pending, task: () => Promise<void>) => Promise<void>
  /** Was it a 401? Then the token is dropped, and the form for one is shown. */
  readonly isUnauthorized: (error: unknown) => boolean
  /** Drops the token, and shows the form for one. */
  readonly refuseToken: () => void
}

/** Makes them. */
export const makeAsking = ({ store, api }: Context): Asking => {
  let noticeTimer: ReturnType<typeof setTimeout> | undefined
  const tell: Asking["tell"] = (notice, { isFailure } = { isFailure: false }) => {
    clearTimeout(noticeTimer)
    store.update({ notice })
    if (!isFailure) noticeTimer = setTimeout(() => store.update({ notice: undefined }), noticeMillis)
  }
  const once: Asking["once"] = async (name, task) => {
    if (store.state.pending.includes(name)) return
    store.update({ pending: [...store.state.pending, name] })
    try {
      await task()
    } finally {
      store.update({ pending: store.state.pending.filter((each) => each !== name) })
    }
  }
  const refuseToken = () => {
    const isRefused = api.token !== undefined
    api.token = undefined
    const nowMillis = api.now()
    const notBeforeMillis = isRefused ? nowMillis + tokenPauseMillis : undefined
    store.update({ nowMillis, connection: { kind: "unauthorized", isRefused, notBeforeMillis } })
    // The wait is over also where nothing else moves the page.
    if (isRefused) setTimeout(() => store.update({ nowMillis: api.now() }), tokenPauseMillis + 20)
  }
  const isUnauthorized: Asking["isUnauthorized"] = (error) => {
    if (!(error instanceof ApiError) || error.status !== 401) return false
    refuseToken()
    return true
  }
  return { tell, once, refuseToken, isUnauthorized }
}
