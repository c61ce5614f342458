/** What changes something: the start dialog, stop, autopoll, the token, and this browser's settings. */
import type { Status } from "../api/answers.ts"
import type { DialogKind } from "../state/PageState.ts"
import type { Context, DoActions } from "./Actions.ts"
import { makeAsking } from "./asking.ts"
import { type DialogCode, loadDialogCode } from "./dialogCode.ts"
import { makeAutopollActions } from "./autopollActions.ts"
import { rememberedSettings, rememberedTexts, rememberSettings, rememberTexts } from "./remembered.ts"
import { makeStopActions } from "./stopActions.ts"
import { applyTheme } from "./theme.ts"

/** So long after the first answer the dialogs are loaded, in milliseconds: behind what is to be seen. */
const loadMillis = 500

/** Makes the page's acting half; settings and theme are in force at once. */
export const makeDoActions = (context: Context): DoActions => {
  const { store, api } = context
  const asking = makeAsking(context)
  let formActions: ReturnType<DialogCode["makeFormActions"]> | undefined
  const load = async () => {
    const { makeFormActions } = await loadDialogCode()
    formActions ??= makeFormActions(context, asking)
  }
  const open = (dialog: DialogKind) => {
    const { form, status, connection } = store.state
    const isForm = dialog === "start" || dialog === "announce"
    if (isForm && (status === undefined || connection.kind !== "online")) return
    const problem = form.isSending ? form.problem : undefined
    store.update({ dialog, form: { ...form, problem } })
  }
  // As soon as there is something to see: a Looper that is away has no files either.
  let isWanted = true
  store.subscribe(({ connection }) => {
    if (!isWanted || connection.kind !== "online") return
    isWanted = false
    setTimeout(() => void load().catch(() => undefined), loadMillis)
  })
  store.update({ settings: rememberedSettings(), form: { ...store.state.form, ...rememberedTexts() } })
  applyTheme(store.state.settings.theme)

  return {
    ...makeStopActions(context, asking),
    ...makeAutopollActions(context, asking),
    openDialog: (dialog) => {
      if (formActions !== undefined) return open(dialog)
      void load().then(
        () => open(dialog),
        () => asking.tell("That could not be loaded: reload the page.", { isFailure: true })
      )
    },
    closeDialog: () => {
      if (store.state.dialog === "none") return
      store.update({ dialog: "none" })
      rememberTexts(store.state.form)
    },
    // Only the dialog calls these, whose code brings them.
    editForm: (texts) => formActions?.editForm(texts),
    submitForm: () => formActions?.submitForm(),
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
