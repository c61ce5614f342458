/** What no text of Looper's may show: every configured secret, and the forms and parts in which it may come back. */
import { Redacted } from "effect"
import type { LooperConfigShape } from "./LooperConfig.ts"
import { pairsOf } from "./pairs.ts"

/** A shorter part of an address, or value of a header, may be a word of any sentence. */
const minPartLength = 8

/** What addresses of Slack, Discord, Google and Teams have in common. */
const pathWords = new Set(["services", "webhooks", "workflows", "triggers", "messages", "IncomingWebhook"])

/** Every configured secret, the longest first: one may be a part of another. */
export const secretsOf = (config: LooperConfigShape): ReadonlyArray<string> => {
  const { apiToken, webhookUrl, zulip } = config
  const key = valueOf(zulip.botApiKey)
  return longestFirst([
    valueOf(apiToken),
    key,
    key && Buffer.from(`${(zulip.botEmail ?? "").trim()}:${key}`).toString("base64"),
    ...webhookSecrets(valueOf(webhookUrl)),
    ...headerSecrets(valueOf(config.otlpHeaders))
  ])
}

/** The address of a webhook and the parts of it that may be its token, the longest first. */
export const webhookSecrets = (address: string): ReadonlyArray<string> => {
  const url = URL.parse(address)
  if (url === null) return longestFirst([address])
  const { href, pathname, search } = url
  const values = search.split(/[?&]/).map((pair) => pair.slice(pair.indexOf("=") + 1))
  const parts = [pathname + search, pathname, ...pathname.split("/"), ...values]
    .flatMap((part) => [part, decoded(part)])
    .filter((part) => part.length >= minPartLength && !pathWords.has(part) && !isWord(part))
  return longestFirst([address, href, decoded(href), ...parts])
}

/** Any record may have it: a tenant's name, `notifications`. */
const isWord = (text: string): boolean => text.length < 20 && /^[a-z]+(?:[-_.][a-z]+)*$/.test(text)

/** Of `authorization=Bearer <token>` the token too; a short value, or a word, is a secret only by its name. */
const headerSecrets = (headers: string): ReadonlyArray<string> =>
  (pairsOf(headers) ?? []).flatMap(([name, value]) => {
    const isSecret = /auth|cookie|key|secret|token/i.test(name)
    return [value, value.split(" ").at(-1) ?? ""].filter(
      (one) => isSecret || (one.length >= minPartLength && !isWord(one))
    )
  })

const longestFirst = (secrets: ReadonlyArray<string>): ReadonlyArray<string> =>
  [...new Set(secrets)].filter(Boolean).toSorted((a, b) => b.length - a.length)

const valueOf = (secret: Redacted.Redacted<string> | undefined): string =>
  secret === undefined ? "" : Redacted.value(secret).trim()

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
