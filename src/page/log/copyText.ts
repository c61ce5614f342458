/** Puts a text where it can be pasted. */

/** Also where the page was not loaded over a secure connection, which has no clipboard for scripts; tells whether it did. */
export const copyText = async (text: string): Promise<boolean> => {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const field = document.createElement("textarea")
    field.value = text
    field.className = "aloud"
    const focused = document.activeElement
    document.body.append(field)
    field.select()
    const isCopied = document.execCommand("copy")
    field.remove()
    if (focused instanceof HTMLElement) focused.focus()
    return isCopied
  }
}
