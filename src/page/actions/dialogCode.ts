/** The dialogs' code: the page is there without it, and it is there before somebody opens one. */

/** What it has. */
export type DialogCode = typeof import("../view/dialogContents.ts")

let code: DialogCode | undefined

/** `undefined` before it is loaded. */
export const dialogCode = (): DialogCode | undefined => code

/** Loads it, once; fails where Looper does not answer, or has another page by now. */
export const loadDialogCode = async (): Promise<DialogCode> => {
  code ??= await import("../view/dialogContents.ts")
  return code
}
