/** What a step of a sequence came to, in one line. */

/**
 * Where a message went: `stream coding, topic verified-cad, message 91402`.
 *
 * **Details** Without a `place`, because a script of the caller's sent it, what that answered. `output` is the
 * notifier's line, of which the message's number is taken.
 */
export const announcedDetail = (options: { readonly place: string | undefined; readonly output: string }): string => {
  const { place, output } = options
  if (place === undefined) return output
  const id = /\bmessage_id=(\d+)/.exec(output)?.[1]
  return id === undefined ? place : `${place}, message ${id}`
}

/** Who was stopped and by what: `pid 48213 and 2 more, SIGTERM`, or `nothing ran`. */
export const killedDetail = (options: {
  readonly targets: ReadonlyArray<number>
  /** Processes of their trees, the targets among them; leftovers of earlier runs, too. */
  readonly treeSize: number
  readonly signal: string | undefined
}): string => {
  const { targets, treeSize, signal } = options
  if (treeSize === 0 && targets.length === 0) return "nothing ran"
  const others = treeSize - targets.length
  const named = targets.length === 0 ? "" : `${targets.length === 1 ? "pid" : "pids"} ${targets.join(", ")}`
  const more = targets.length === 0 ? `${others} left by earlier runs` : `${others} more`
  const who = [named, others > 0 ? more : ""].filter(Boolean).join(" and ")
  return signal === undefined ? `${who}, gone by itself` : `${who}, ${signal}`
}
