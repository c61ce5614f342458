/** Typing into the start dialog, and its button. */
import type { Context, DoActions } from "./Actions.ts"
import type { Asking } from "./asking.ts"
import { rememberTexts } from "./remembered.ts"
import { edited } from "./startForm.ts"
import { makeSubmitForm } from "./submitForm.ts"

/** Makes them. */
export const makeFormActions = (context: Context, asking: Asking): Pick<DoActions, "editForm" | "submitForm"> => {
  const { store } = context
  return {
    editForm: (texts) => {
      const { form, status } = store.state
      if (status === undefined) return
      store.update({ form: { ...form, ...edited(form, texts, status.defaults) } })
      // At once: a reload does not wait.
      rememberTexts(store.state.form)
    },
    submitForm: makeSubmitForm(context, asking)
  }
}
