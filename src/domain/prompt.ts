/** What a prompt may be. */

/** Linux passes an argument of up to this many bytes, its NUL not counted (MAX_ARG_STRLEN). */
export const maxPromptBytes = 131_071

/** What is wrong with a text that is to be sent or passed on; completes `'<field>' …`. */
export const textProblem = (text: string): string | undefined => {
  if (text.includes("\0")) return "must not contain a NUL byte"
  return text.isWellFormed() ? undefined : "must be valid Unicode"
}

/** What is wrong with a trimmed prompt; completes `'<field>' …`. */
export const promptProblem = (prompt: string): string | undefined => {
  if (prompt === "-") return "must not be '-': codex would read its prompt from stdin"
  const bytes = Buffer.byteLength(prompt)
  if (bytes > maxPromptBytes) return `must be at most ${maxPromptBytes} bytes long, it has ${bytes}`
  return textProblem(prompt)
}
