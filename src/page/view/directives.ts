/** What a template cannot say by attributes: an open modal dialog, and where the focus goes. */
import { noChange } from "lit-html"
import { Directive, directive, type ElementPart } from "lit-html/directive.js"

class Modal extends Directive {
  render(_isOpen: boolean): unknown {
    return noChange
  }
  override update({ element }: ElementPart, [isOpen]: [boolean]): unknown {
    const dialog = element as HTMLDialogElement
    // It has its contents, and its place in the document, only after this rendering.
    queueMicrotask(() => {
      if (isOpen && !dialog.open) dialog.showModal()
      // Not by taking it away: closing gives the focus back to where it was.
      if (!isOpen && dialog.open) dialog.close()
    })
    return noChange
  }
}

/** Of a `<dialog>`: open, or not. */
export const modal = directive(Modal)

class FocusWhen extends Directive {
  #reason: unknown
  render(_reason: unknown): unknown {
    return noChange
  }
  override update({ element }: ElementPart, [reason]: [unknown]): unknown {
    if (reason !== undefined && reason !== this.#reason) queueMicrotask(() => (element as HTMLElement).focus())
    this.#reason = reason
    return noChange
  }
}

/** Takes the focus each time that there is another reason to; `undefined` is none. */
export const focusWhen = directive(FocusWhen)
