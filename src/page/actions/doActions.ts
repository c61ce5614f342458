/** What changes something: the start dialog, stop, autopoll, the token, and this browser's settings. */
import type { Status } from "../api/answers.ts"
import type { Context, DoActions } from "./Actions.ts"
import { makeAsking } from "./asking.ts"
import { makeAutopollActions } from "./autopollActions.ts"
import { makeFormActions } from "./formActions.ts"
import { rememberedTexts, rememberedUnanswered, rememberSettings, rememberTexts } from "./remembered.ts"
import { makeStopActions } from "./stopActions.ts"
import { applyTheme } from "./theme.ts"

/** Makes the page's acting half. */
export const makeDoActions = (context: Context): DoActions => {
  const { store, api } = context
  const asking = makeAsking(context)
  store.update({ form: { ...store.state.form, ...rememberedTexts(), unanswered: rememberedUnanswered() } })

  return {
    ...makeStopActions(context, asking),
    ...makeAutopollActions(context, asking),
    ...makeFormActions(context, asking),
    openDialog: (dialog) => {
      const { form, status, connection } = store.state
      const isForm = dialog === "start" || dialog === "announce"
      if (isForm && (status === undefined || connection.kind !== "online")) return
      const problem = form.isSending ? form.problem : undefined
      store.update({ dialog, form: { ...form, problem } })
    },
    closeDialog: () => {
      if (store.state.dialog === "none") return
      store.update({ dialog: "none", form: { ...store.state.form, alsoAlive: [] } })
      rememberTexts(store.state.form)
    },
    enterToken: (token) => {
      const { connection } = store.state
      const notBeforeMillis = connection.kind === "unauthorized" ? connection.notBeforeMillis : undefined
      if (token.trim() === "" || api.now() < (notBeforeMillis ?? 0)) return
      void asking.once("token", async () => {
        api.token = token.trim()
        // No header can carry it, so no Looper can have it.
        if (!/^[!-~]+$/.test(api.token)) return asking.refuseToken()
        try {
          const status = await api.get<Status>("status")
          store.update({ connection: { kind: "online" }, status, statusAtMillis: api.now() })
        } catch (error) {
          // Whatever else is wrong with Looper, who polls will say it.
          if (asking.isUnauthorized(error)) return
          store.update({ connection: { kind: "connecting" } })
        }
        context.look?.()
      })
    },
    setSettings: (changed) => {
      const settings = { ...store.state.settings, ...changed }
      store.update({ settings })
      rememberSettings(settings)
      if (changed.theme !== undefined) applyTheme(changed.theme)
    },
    dropNotice: () => store.update({ notice: undefined })
  }
}
