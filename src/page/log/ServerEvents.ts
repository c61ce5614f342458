/** Server-Sent Events out of the pieces of text that a connection brings. */

/** One event; a field that it did not have is `undefined`. */
export interface ServerEvent {
  readonly event: string | undefined
  readonly id: string | undefined
  readonly data: string
}

/**
 * Makes a reader that takes pieces of a stream, cut anywhere, and calls `onEvent` for each event that is whole.
 *
 * **Details** Lines end with LF or CRLF; comments, events without data and fields of other names are passed over.
 *
 * **Source** HTML, 9.2.6 Interpreting an event stream
 */
export const makeEventReader = (onEvent: (event: ServerEvent) => void): ((piece: string) => void) => {
  let rest = ""
  let fields: Record<string, string | undefined> = {}
  const take = (ended: string) => {
    const line = ended.endsWith("\r") ? ended.slice(0, -1) : ended
    if (line === "") {
      const { event, id, data } = fields
      fields = {}
      if (data !== undefined) onEvent({ event, id, data })
      return
    }
    const colon = line.indexOf(":")
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? "" : line.slice(line.startsWith(" ", colon + 1) ? colon + 2 : colon + 1)
    fields[name] = name === "data" && fields.data !== undefined ? `${fields.data}\n${value}` : value
  }
  return (piece) => {
    const end = piece.lastIndexOf("\n")
    const whole = end < 0 ? undefined : rest + piece.slice(0, end)
    rest = whole === undefined ? rest + piece : piece.slice(end + 1)
    for (const line of whole?.split("\n") ?? []) take(line)
  }
}
