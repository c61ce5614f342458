/** Typing into the start dialog, and its button. */
import type { Context, DoActions } from "./Actions.ts"
import type { Asking } from "./asking.ts"
import { rememberTexts } from "./remembered.ts"
import { edited } from "./startForm.ts"
import { makeSubmitForm } from "./submitForm.ts"

/** Typed texts are kept so long after the last key, in milliseconds. */
const rememberMillis = 300

/** Makes them. */
export const makeFormActions = (context: Context, asking: Asking): Pick<DoActions, "editForm" | "submitForm"> => {
  const { store } = context
  let timer: ReturnType<typeof setTimeout> | undefined
  return {
    editForm: (texts) => {
      const { form, status } = store.state
      if (status === undefined) return
      store.update({ form: { ...form, ...edited(form, texts, status.defaults) } })
      clearTimeout(timer)
      timer = setTimeout(() => rememberTexts(store.state.form), rememberMillis)
    },
    submitForm: makeSubmitForm(context, asking)
  }
}
