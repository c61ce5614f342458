/** The start dialog as it stands. */

/** What is typed; `undefined` where nobody changed the default. */
export interface FormTexts {
  readonly prompt: string | undefined
  readonly message: string
  readonly workspace: string | undefined
  /** Seconds, as typed. */
  readonly delay: string | undefined
}

/** A field of the dialog. */
export type FormField = keyof FormTexts

/** Why nothing was sent, or what Looper said to it; `field`: of that field. */
export interface FormProblem {
  readonly field: FormField | undefined
  readonly text: string
}

/** The start dialog; its two tabs share the message. */
export interface StartForm extends FormTexts {
  readonly isSending: boolean
  readonly problem: FormProblem | undefined
  /** The last request that got no answer: a repeat of the same is the same request. */
  readonly unanswered: { readonly body: string; readonly key: string } | undefined
  /** Pids of codex exec that a refused start named and the status does not: the next start stops them too. */
  readonly alsoAlive: ReadonlyArray<number>
}

/** Nothing typed. */
export const emptyTexts: FormTexts = { prompt: undefined, message: "", workspace: undefined, delay: undefined }
/** A dialog that nobody has opened. */
export const emptyForm: StartForm = {
  ...emptyTexts,
  isSending: false,
  problem: undefined,
  unanswered: undefined,
  alsoAlive: []
}
