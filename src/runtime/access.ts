/** Who may speak to Looper: Host, Origin and peer of a request, judged without any state. */
import { BlockList, isIP } from "node:net"
import { hostNotAllowed, originNotAllowed, type Refusal } from "./refusals.ts"

const loopback = new BlockList()
loopback.addSubnet("127.0.0.0", 8, "ipv4")
loopback.addAddress("::1", "ipv6")
loopback.addSubnet("::ffff:127.0.0.0", 104, "ipv6")

const isLoopback = (address: string): boolean => {
  const plain = address.split("%", 1)[0] ?? ""
  const family = isIP(plain)
  return family !== 0 && loopback.check(plain, family === 6 ? "ipv6" : "ipv4")
}

const forwardingHeaders = /^(forwarded|x-forwarded-.*|x-real-ip|via)$/i

/** Does the request come from this machine, as far as its socket and its headers say? */
export const isLocal = (peer: string | undefined, headers: Headers): boolean =>
  peer !== undefined && isLoopback(peer) && ![...headers.keys()].some((name) => forwardingHeaders.test(name))

interface HostAndPort {
  readonly host: string
  readonly port: string | undefined
}

/** `name`, `name:80`, `1.2.3.4:80`, `[::1]:80`. */
const parseHost = (text: string): HostAndPort | undefined => {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]/?#@\s]+)(?::(\d{1,5}))?$/i.exec(text)
  return match?.[1] === undefined ? undefined : { host: match[1].toLowerCase(), port: match[2] }
}

const isListed = (given: HostAndPort, allowedHosts: ReadonlyArray<string>): boolean =>
  allowedHosts.some((entry) => {
    const allowed = parseHost(entry)
    return allowed?.host === given.host && (allowed.port === undefined || allowed.port === given.port)
  })

/** Refuses a Host by which a foreign page could reach Looper through a name of its own (DNS rebinding). */
export const hostRefusal = (options: {
  readonly host: string | null
  readonly hostName: string
  readonly allowedHosts: ReadonlyArray<string>
}): Refusal | undefined => {
  const given = parseHost(options.host ?? "")
  if (given === undefined) return hostNotAllowed
  const isOwn = given.host === "localhost" || given.host === options.hostName.toLowerCase()
  const isAddress = () => isIP(given.host.replace(/^\[|\]$/g, "")) !== 0
  return isOwn || isAddress() || isListed(given, options.allowedHosts) ? undefined : hostNotAllowed
}

/** Refuses a page of another origin; `null`, as sandboxed and local pages send it, too. */
export const originRefusal = (options: {
  readonly origin: string | null
  readonly host: string | null
  readonly allowedHosts: ReadonlyArray<string>
}): Refusal | undefined => {
  const { origin, host, allowedHosts } = options
  if (origin === null) return undefined
  const scheme = /^(https?):\/\//i.exec(origin)?.[1]?.toLowerCase()
  const from = scheme && parseHost(origin.slice(scheme.length + 3))
  if (!from) return originNotAllowed
  const port = from.port ?? (scheme === "https" ? "443" : "80")
  const own = parseHost(host ?? "")
  const isOwn = own?.host === from.host && (own.port ?? "80") === port
  return isOwn || isListed({ host: from.host, port }, allowedHosts) ? undefined : originNotAllowed
}

/** The token that a request shows: of `Authorization: Bearer`, else of `X-Looper-Token`. */
export const shownToken = (headers: Headers): { readonly bearer?: string; readonly token: string } | undefined => {
  const bearer = /^bearer\s+(.*)$/i.exec(headers.get("authorization")?.trim() ?? "")?.[1]
  if (bearer !== undefined) return { bearer, token: bearer }
  const token = headers.get("x-looper-token")
  return token === null ? undefined : { token }
}
