/** What a message may look like: its text, its topic and the `to` that names where it goes. */
import { openFences } from "./zulipFence.ts"
import type { Recipients } from "./zulipRecipient.ts"

/** The server counts code points; these are its limits unless an administrator changed them. */
export const maxContentLength = 10_000
/** In code points, as {@link maxContentLength}. */
export const maxTopicLength = 60

const truncationMarker = "\n[message truncated]"

/** A text's length as Zulip counts it. */
export const codePointLength = (text: string): number => Array.from(text).length

const closing = (text: string): string =>
  openFences(text)
    .map((fence) => `\n${fence}`)
    .join("")

/**
 * The text as the server will store it: at most 10,000 code points, a cut one ending in a marker, without blanks at its
 * end and line ends at its beginning.
 *
 * **Details** The server would cut in the middle of a fenced block and so swallow its own marker; here open
 * blocks are closed.
 */
export const cutContent = (text: string): string => {
  const content = text.trimEnd().replace(/^\n+/, "")
  const points = Array.from(content)
  if (points.length <= maxContentLength) return content
  let kept = maxContentLength - truncationMarker.length
  for (;;) {
    const head = points.slice(0, kept).join("")
    const tail = closing(head) + truncationMarker
    const excess = kept + tail.length - maxContentLength
    if (excess <= 0) return head + tail
    // a fence of thousands of backticks would ask for more than there is
    kept = Math.max(kept - excess, Math.floor(kept / 2))
  }
}

/** The topic as the server would cut it, so that the answer names the topic that exists. */
export const cutTopic = (topic: string): string => {
  const points = Array.from(topic.trim())
  return points.length <= maxTopicLength ? points.join("") : `${points.slice(0, maxTopicLength - 3).join("")}...`
}

/** Breaks the mentions that would notify everyone; people's own mentions stay. */
export const neutralizeWildcards = (text: string): string =>
  text.replace(/@(?=_?\*\*(?:all|everyone|stream|channel|topic)\*\*)/gi, "@\u200b")

/** A channel by name: the server reads `to` as JSON first, so a bare `123` would be the id of another channel. */
export const channelTo = (name: string): string => JSON.stringify(name)

/** People, all by id or all by e-mail address. */
export const directTo = (recipients: Recipients): string => JSON.stringify(recipients)
