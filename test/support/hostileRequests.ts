/** Requests that no HTTP client sends, from a grammar, each with the answer that the contract gives it. */
import { hostname } from "node:os"
import { badBody, type Body, forgedRecord, validBody } from "./hostileBodies.ts"
import type { SeededRandom } from "./seededRandom.ts"

/** The one answer of a request that is taken apart without doubt. */
export interface Expected {
  readonly status: ReadonlyArray<number>
  readonly code?: string
  readonly text?: string
  readonly isHead?: boolean
  /** Nothing that follows on this connection is read; `maybe` where the server may choose. */
  readonly closes?: boolean | "maybe"
  /** HTTP takes it apart: what follows in the same segment is a request of its own, which nobody answers. */
  readonly isRefusedByApp?: boolean
  /** Its head reached the app, whose own answer is never sent: the parser's comes in its place. */
  readonly isCutByParser?: boolean
}

export interface HostileRequest {
  /** The production of the grammar. */
  readonly shape: string
  readonly bytes: Buffer
  readonly expected: Expected
}

/** In `User-Agent`, and so in the request's `http.start`; twice the number, so that a changed tag is no other's. */
export const tagOf = (index: number): string => `hostile/${index}/${index}`

export const json = "Content-Type: application/json\r\n"

interface Route {
  readonly path: string
  readonly method: "GET" | "POST"
  readonly takesEmpty?: boolean
  /** Does nothing but what the log tells, so that it may be asked for at any time. */
  readonly isHarmless?: boolean
}

const routes: ReadonlyArray<Route> = [
  { path: "/health", method: "GET", isHarmless: true },
  { path: "/status", method: "GET", isHarmless: true },
  { path: "/runs", method: "GET", isHarmless: true },
  { path: "/notify", method: "POST", isHarmless: true },
  { path: "/run", method: "POST" },
  { path: "/spawn", method: "POST" },
  { path: "/kill", method: "POST", takesEmpty: true },
  { path: "/autopoll/tick", method: "POST", takesEmpty: true },
  { path: "/autopoll/pause", method: "POST", takesEmpty: true, isHarmless: true },
  { path: "/autopoll/resume", method: "POST", takesEmpty: true, isHarmless: true }
]

const goodHosts = [
  "localhost",
  "LOCALHOST:3456",
  "127.0.0.1",
  "127.0.0.1:80",
  "[::1]",
  "[::1]:65535",
  "10.1.2.3",
  hostname()
]
const badHosts = [
  "",
  "evil.example",
  "evil.example:80",
  "localhost.evil.example",
  "localhost.",
  "localhost@evil.example",
  "evil.example@localhost",
  "localhost:123456",
  "localhost:",
  "localhost/",
  "localhost#",
  "localhost?",
  "localhost\\@evil.example",
  "localhost evil.example",
  "localhost,evil.example",
  "[::1",
  "[::1]evil.example",
  "::1",
  "0x7f.0.0.1",
  "2130706433",
  "127.1",
  "127.0.0.1.nip.io",
  "loc%61lhost",
  "localhost\xe9",
  "\tevil.example",
  "localhost\r\nHost: localhost",
  "localhost\r\nHost: evil.example"
]

const goodOrigins = ["http://localhost", "http://LOCALHOST:80"]
const badOrigins = [
  "null",
  "",
  "http://evil.example",
  "http://localhost:81",
  "https://localhost",
  "http://localhost.evil.example",
  "http://localhost@evil.example",
  "file://",
  "chrome-extension://abc",
  "http://localhost\r\nOrigin: http://evil.example",
  "http://localhost http://evil.example",
  "http:/localhost",
  "//localhost",
  "http://localhost/"
]

const forwarding = [
  "X-Forwarded-For: 127.0.0.1",
  "x-forwarded-for:",
  "X-FORWARDED-HOST: localhost",
  "X-Forwarded-Anything: 1",
  "Forwarded: for=127.0.0.1",
  "Via: 1.1 proxy",
  "X-Real-IP: ::1"
]

/** None of these changes an answer. */
const idleHeaders: ReadonlyArray<(random: SeededRandom) => string> = [
  () => "Authorization: Bearer wrong",
  () => "Authorization: Basic Og==",
  () => "authorization:",
  (random) => `Authorization: Bearer ${"x".repeat(random.below(2_000))}`,
  () => "X-Looper-Token: 1\r\nX-Looper-Token: 2",
  (random) => `X-Request-Id: ${random.pick(["0badc0de", forgedRecord, ""])}`,
  () => "X-Forwarded: 1\r\nXForwarded-For: 1\r\nReal-IP: 1",
  (random) => `X-${"a".repeat(1 + random.below(500))}: ${"v".repeat(random.below(3_000))}`,
  (random) => "a:b\r\n".repeat(random.below(200)) + "a:b",
  () => `X-Latin: ${String.fromCharCode(0x80, 0xff, 0xa0, 0x85)} ${forgedRecord}`,
  () => `Referer: ${forgedRecord}`,
  () => "!#$%&'*+-.^_`|~0: all the letters of a name",
  () => "X-Blank: \t \t",
  () => "Cookie: a=b; c=d\r\nCookie: e",
  () => "Accept: */*\r\nAccept-Encoding: gzip, br\r\nTE: trailers",
  () => "Range: bytes=0-0\r\nIf-None-Match: *\r\nIf-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
  () => "Connection: keep-alive\r\nKeep-Alive: timeout=99999, max=99999",
  () => "X-HTTP-Method-Override: DELETE\r\nX-Original-URL: /kill\r\nX-Rewrite-URL: /kill",
  () => "__proto__: 1\r\nconstructor: 2\r\ntoString: 3\r\nhasOwnProperty: 4",
  () => "Content-Encoding: gzip\r\nContent-Language: x\r\nTrailer: Host",
  () => "Expect: 100-continue"
]

/** None is made; whether the connection goes on is the server's choice. */
const upgrades = [
  "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
]

const idempotencyKeys = [
  "a",
  "x".repeat(255),
  "x".repeat(256),
  "",
  "two words",
  "k\xe9y",
  "a\r\nIdempotency-Key: b",
  "\t",
  "../../key"
]

/** Of HTTP, but of no route here; HEAD stands for GET. */
const otherMethods = [
  "PUT",
  "DELETE",
  "PATCH",
  "OPTIONS",
  "TRACE",
  "PROPFIND",
  "MKCOL",
  "LOCK",
  "M-SEARCH",
  "QUERY",
  "PURGE"
]

const strangePaths = [
  "/nope",
  "/run/",
  "/RUN",
  "/run%20",
  "/run%00",
  "/run;x",
  "/run.json",
  "/runsx",
  "/runs/",
  "/runs/0badc0de/logs",
  "/health/../nope",
  "/%0a2026-02-13%2010:11:12,345%20INFO%20looper%20forged.record",
  "/__proto__",
  "/constructor",
  "/%",
  "/%zz",
  "/%c3%28",
  "/%2e%2e/%2e%2e/etc/passwd",
  "/:id",
  "/*",
  "/'\"<script>"
]

const queries = [
  "",
  "",
  "",
  "?",
  "?dry_run=true",
  `?a=%0a${encodeURIComponent(forgedRecord)}`,
  "?%",
  "?a=b&a=c",
  "?x=http://evil.example/#y"
]

/** A whole request that HTTP allows, whatever Looper thinks of it. */
export const wellFormed = (
  random: SeededRandom,
  index: number,
  options: { readonly isLast?: boolean } = {}
): HostileRequest => {
  const route = random.pick(routes)
  const isOther = random.chance(0.08)
  const method = isOther ? random.pick(otherMethods) : random.chance(0.04) ? "HEAD" : route.method
  const isStrange = random.chance(0.1)
  const path = isStrange ? strangePath(random) : route.path
  const isEvilTarget = random.chance(0.02)
  const isAbsolute = isEvilTarget || random.chance(0.04)
  const authority = isEvilTarget
    ? random.pick(["evil.example", "localhost.evil.example:80", "a:b@evil.example"])
    : random.pick(["localhost", "127.0.0.1:1", "[::1]"])
  const target = `${isAbsolute ? `http://${authority}` : ""}${path}${random.pick(queries)}`
  const isEvilHost = random.chance(0.06)
  const host = isEvilHost ? random.pick(badHosts) : random.pick(goodHosts)
  const origin = random.chance(0.1)
    ? random.chance(0.7)
      ? random.pick(badOrigins)
      : random.pick(goodOrigins)
    : undefined
  const isOwnOrigin = origin !== undefined && goodOrigins.includes(origin) && host === "localhost"
  const isForwarded = random.chance(0.06)
  const isOld = options.isLast === true && random.chance(0.1)
  const closes = isOld || (options.isLast === true && random.chance(0.1))
  const isUpgrade = options.isLast === true && !closes && random.chance(0.1)
  const content = contentOf(random, route, isOld)

  const head = [
    `Host: ${host}`,
    `User-Agent: ${tagOf(index)}`,
    ...(origin === undefined ? [] : [`Origin: ${origin}`]),
    ...(isForwarded ? [random.pick(forwarding)] : []),
    ...(random.chance(0.2) ? [`Idempotency-Key: ${random.pick(idempotencyKeys)}`] : []),
    ...Array.from({ length: random.below(3) }, () => random.pick(idleHeaders)(random)).filter(
      (header) => !(isOld && header.startsWith("Connection:"))
    ),
    ...(closes && !isOld ? ["Connection: close"] : []),
    ...(isUpgrade ? [random.pick(upgrades)] : []),
    ...content.head
  ]
  const text = `${method} ${target} HTTP/1.${isOld ? 0 : 1}\r\n${head.join("\r\n")}\r\n\r\n`
  const isGet = method === "GET" || method === "HEAD"
  const verdict = ((): Omit<Expected, "isHead" | "closes"> => {
    if (isEvilHost || isEvilTarget) return { status: [403], code: "host_not_allowed" }
    if (origin !== undefined && !isOwnOrigin) return { status: [403], code: "origin_not_allowed" }
    const isPublic = path === "/health"
    if (isForwarded && !isPublic) return { status: [403], code: "remote_not_allowed" }
    if (isStrange) return { status: [404], code: "not_found" }
    if (method !== route.method && !(isGet && route.method === "GET"))
      return { status: [405], code: "method_not_allowed" }
    return content.verdict
  })()
  return {
    shape: `${method} ${isStrange ? "nowhere" : route.path}`,
    bytes: Buffer.concat([Buffer.from(text, "latin1"), content.bytes]),
    expected: { ...verdict, isHead: method === "HEAD", closes: isUpgrade ? "maybe" : closes }
  }
}

const strangePath = (random: SeededRandom): string => {
  if (random.chance(0.1)) return `/${"x".repeat(random.below(5_000))}`
  if (random.chance(0.2))
    return `/${Array.from({ length: 1 + random.below(20) }, () => `%${random.below(256).toString(16).padStart(2, "0")}`).join("")}`
  return random.pick(strangePaths)
}

const goodTypes = [
  "application/json",
  "application/json; charset=utf-8",
  "APPLICATION/JSON;x",
  "application/x.y+json",
  "application/json \t"
]
const badTypes = [
  "text/plain",
  "",
  "application/jsonx",
  "application/json/x",
  "application/json, text/plain",
  "json",
  "multipart/form-data; boundary=x",
  "application/x-www-form-urlencoded",
  "application/json\r\nContent-Type: text/plain",
  "text/plain; application/json"
]

interface Content {
  readonly head: ReadonlyArray<string>
  readonly bytes: Buffer
  /** What follows for a request that got this far. */
  readonly verdict: Pick<Expected, "status" | "code" | "text">
}

const unsupported = { status: [415], code: "unsupported_media_type" }
const ok = { status: [200] }

/** Headers and bytes of a body; a start, a stop or a tick is never asked for validly. */
const contentOf = (random: SeededRandom, route: Route, isOld: boolean): Content => {
  if (route.method === "GET") {
    const body = random.chance(0.1)
      ? framed(random, Buffer.from("GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"), isOld)
      : { head: [], bytes: Buffer.alloc(0) }
    return { ...body, verdict: route.path === "/health" ? { ...ok, text: '{"ok":true}\n' } : ok }
  }
  if (route.isHarmless && route.takesEmpty && random.chance(0.5))
    return { head: ["Content-Length: 0"], bytes: Buffer.alloc(0), verdict: ok }
  const body: Body =
    route.isHarmless && random.chance(0.3) ? validBody(random, route.path) : badBody(random, route.path)
  const { head, bytes } = framed(random, body.bytes, isOld)
  const type = random.pick(goodTypes)
  if (random.chance(0.9)) {
    const verdict = body.isValid ? ok : { status: [400], code: "invalid_request" }
    return { head: [`Content-Type: ${type}`, ...head], bytes, verdict }
  }
  if (random.chance(0.3)) return { head, bytes, verdict: unsupported }
  return { head: [`Content-Type: ${random.pick(badTypes)}`, ...head], bytes, verdict: unsupported }
}

/** With a length, or in chunks of any sizes with extensions and trailers. */
const framed = (random: SeededRandom, body: Buffer, isOld: boolean): Pick<Content, "head" | "bytes"> => {
  if (isOld || body.length > 20_000 || random.chance(0.6)) {
    return {
      head: [
        `${random.pick(["Content-Length", "content-length", "CONTENT-LENGTH"])}: ${random.pick(["", "000"])}${body.length}`
      ],
      bytes: body
    }
  }
  const chunks: Array<Buffer> = []
  for (let at = 0; at < body.length; ) {
    const chunk = body.subarray(at, at + 1 + random.below(random.pick([3, 50, 1_000])))
    at += chunk.length
    const size = chunk.length.toString(16).padStart(random.below(6), "0")
    const extension = random.chance(0.1) ? random.pick([";a", ";a=b", ';a="b;c"', `;x=${"y".repeat(300)}`]) : ""
    chunks.push(
      Buffer.from(`${random.chance(0.5) ? size.toUpperCase() : size}${extension}\r\n`),
      chunk,
      Buffer.from("\r\n")
    )
  }
  const trailer = random.chance(0.1)
    ? random.pick([
        "X-Forwarded-For: 1\r\n",
        "Origin: null\r\nHost: evil.example\r\n",
        "Content-Type: text/plain\r\n",
        "User-Agent: hostile/0\r\n"
      ])
    : ""
  chunks.push(Buffer.from(`0\r\n${trailer}\r\n`))
  return {
    head: [`Transfer-Encoding: ${random.pick(["chunked", "Chunked", "CHUNKED"])}`],
    bytes: Buffer.concat(chunks)
  }
}

const malformed: Expected = { status: [400], code: "malformed_request", closes: true }
const tooLarge: Expected = { status: [431], code: "headers_too_large", closes: true }
const cut: Expected = { ...malformed, isCutByParser: true }

const message = '{"zulip_message":"m"}'

const controls = Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).filter(
  (letter) => !"\t\r\n".includes(letter)
)

/** What is no HTTP, what is too much of it, and what two parsers could take apart in two ways; each ends its connection. */
const ends: ReadonlyArray<
  readonly [shape: string, expected: Expected, make: (random: SeededRandom, tag: string) => string]
> = [
  ["bare line feeds", malformed, (_, tag) => `GET /health HTTP/1.1\nHost: localhost\n${tag}\n\n`],
  ["a bare line feed in the head", malformed, (_, tag) => `GET /health HTTP/1.1\r\nHost: localhost\n${tag}\r\n\r\n`],
  [
    "a bare carriage return",
    malformed,
    (random) => `GET /health HTTP/1.1\r\nHost: localhost\r${random.pick(["X", "Transfer-Encoding"])}: chunked\r\n\r\n`
  ],
  [
    "a control in a value",
    malformed,
    (random) => `GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: a${random.pick(controls)}b\r\n\r\n`
  ],
  [
    "a letter that no name has",
    malformed,
    (random) =>
      `GET /health HTTP/1.1\r\nHost: localhost\r\nX${random.pick([...'()<>@,;\\"/[]?={}\x7f\xe9\0 \t'])}A: b\r\n\r\n`
  ],
  ["no name", malformed, () => "GET /health HTTP/1.1\r\nHost: localhost\r\n: b\r\n\r\n"],
  ["a name alone", malformed, () => "GET /health HTTP/1.1\r\nHost: localhost\r\nX-A\r\n\r\n"],
  [
    "a folded header",
    malformed,
    (random) => `GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: a\r\n${random.pick([" ", "\t"])}b\r\n\r\n`
  ],
  ["a folded first line", malformed, () => "GET /health HTTP/1.1\r\n Host: localhost\r\n\r\n"],
  [
    "a folded coding",
    malformed,
    () => `POST /notify HTTP/1.1\r\nHost: localhost\r\n${json}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`
  ],
  [
    "a method that is none",
    malformed,
    (random) =>
      `${random.pick(["get", "GE T", "BREW", "GET\0", "POSTER", "\x16\x03\x01", "G", " GET", "{", "GET\t/health"])} /health HTTP/1.1\r\nHost: localhost\r\n\r\n`
  ],
  [
    "a target that is none",
    malformed,
    (random) =>
      `GET ${random.pick(["health", "\\health", "?x", "", "/h\xe9", "/hea\0lth", "/a b", "/\x7f", "/\t", "localhost:80", "ftp:", "http:/"])} HTTP/1.1\r\nHost: localhost\r\n\r\n`
  ],
  [
    "a version that is none",
    malformed,
    (random) =>
      `GET /health ${random.pick(["HTTP/1.2", "HTTP/9.9", "HTTP/1", "HTTP/1.", "HTTP/1.10", "HTTP/11", "http/1.1", "HTTPS/1.1", "1.1", "HTTP/ 1.1", "HTTP/-1.1", "ICE/1.0"])}\r\nHost: localhost\r\n\r\n`
  ],
  ["all routes at once", { ...malformed, isRefusedByApp: true }, () => "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  [
    "no Host",
    { ...malformed, isRefusedByApp: true },
    (random, tag) => `GET /health HTTP/1.${random.below(2)}\r\n${tag}\r\n\r\n`
  ],
  ["HTTP/2", malformed, () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  [
    "TLS",
    malformed,
    (random) =>
      `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${Array.from({ length: 100 }, () => String.fromCharCode(random.below(256))).join("")}\r\n\r\n`
  ],
  [
    "noise",
    malformed,
    (random) =>
      `\x01${Array.from({ length: 1 + random.below(200) }, () => String.fromCharCode(random.below(256))).join("")}\r\n\r\n`
  ],
  [
    "a huge header",
    tooLarge,
    (random) => `GET /health HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(17_000 + random.below(30_000))}\r\n\r\n`
  ],
  ["a huge name", tooLarge, () => `GET /health HTTP/1.1\r\nHost: localhost\r\n${"x".repeat(20_000)}: y\r\n\r\n`],
  ["a huge target", tooLarge, () => `GET /${"x".repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
  ["too many headers", tooLarge, () => `GET /health HTTP/1.1\r\nHost: localhost\r\n${"a:b\r\n".repeat(9_000)}\r\n`],
  [
    "a length that is none",
    malformed,
    (random) =>
      notify(
        random.pick(
          [
            "-1",
            "+21",
            "0x15",
            "2 1",
            "",
            "1e1",
            "21, 21",
            "21,22",
            "21;",
            "21\x0b",
            "٢١",
            "99999999999999999999",
            "18446744073709551637"
          ].map((length) => `Content-Length: ${length}\r\n`)
        ),
        message
      )
  ],
  [
    "two lengths",
    malformed,
    (random) => notify(`Content-Length: 21\r\nContent-Length: ${random.pick(["21", "0", "5", "500"])}\r\n`, message)
  ],
  [
    "a length and chunks",
    cut,
    (random) => {
      const [length, chunked] = [
        `Content-Length: ${random.pick(["0", "4", "21", "500"])}\r\n`,
        "Transfer-Encoding: chunked\r\n"
      ]
      return notify(random.chance(0.5) ? length + chunked : chunked + length, "0\r\n\r\n")
    }
  ],
  [
    "a coding that is none",
    cut,
    (random) =>
      notify(
        `Transfer-Encoding: ${random.pick(["xchunked", "chunkedx", "chunked, identity", "identity", "gzip", "cow", "", "chunked;", "chunked\r\nTransfer-Encoding: identity", "chun ked", '"chunked"'])}\r\n`,
        "0\r\n\r\n"
      )
  ],
  [
    "a blank before a coding's colon",
    malformed,
    (random) => notify(`Transfer-Encoding${random.pick([" ", "\t", "\x0b", "\0"])}: chunked\r\n`, "0\r\n\r\n")
  ],
  [
    "a chunk size that is none",
    cut,
    (random) =>
      chunked(
        `${random.pick(["zz", "-5", "0x15", "+15", "15 ", " 15", "1 5", "", ";", "1_5", "ffffffffffffffffff", "10000000000000015", "15\0"])}\r\n${message}\r\n0\r\n\r\n`
      )
  ],
  [
    "a chunk longer than its size",
    cut,
    (random) => chunked(`${random.pick(["5", "14", "1"])}\r\n${message}\r\n0\r\n\r\n`)
  ],
  ["a chunk without its end", cut, () => chunked(`15\r\n${message}0\r\n\r\n`)],
  [
    "chunks with bare line feeds",
    cut,
    (random) =>
      chunked(
        random.pick([
          `15\n${message}\n0\n\n`,
          `15\r\n${message}\n0\r\n\r\n`,
          `15\n${message}\r\n0\r\n\r\n`,
          `15\r\n${message}\r\n0\n\r\n`
        ])
      )
  ],
  [
    "an extension with a line feed",
    cut,
    (random) => chunked(`15;a${random.pick(["\n", "\r", "\0", "=\n"])}b\r\n${message}\r\n0\r\n\r\n`)
  ],
  ["an extension without end", cut, () => chunked(`15;${"x".repeat(20_000)}\r\n${message}\r\n0\r\n\r\n`)],
  [
    "a trailer that is none",
    cut,
    (random) =>
      chunked(
        `15\r\n${message}\r\n0\r\n${random.pick(["a b: c", "Content-Length: 5", ": x", "X\r\n", "GET /smuggled HTTP/1.1"])}\r\n\r\n`
      )
  ]
]

const notify = (head: string, body: string) =>
  `POST /notify HTTP/1.1\r\nHost: localhost\r\nTAG\r\n${json}${head}\r\n${body}`
const chunked = (body: string) => notify("Transfer-Encoding: chunked\r\n", body)

/** A request that ends its connection without being one. */
export const broken = (random: SeededRandom, index: number): HostileRequest => {
  const [shape, expected, make] = random.pick(ends)
  const tag = `User-Agent: ${tagOf(index)}`
  return { shape, expected, bytes: Buffer.from(make(random, tag).replace("\r\nTAG\r\n", `\r\n${tag}\r\n`), "latin1") }
}

const hotBytes = [
  "\r",
  "\n",
  "\0",
  " ",
  ":",
  "\t",
  ",",
  ";",
  "%",
  "\x7f",
  "\x80",
  "\xff",
  "\r\n",
  "\r\n\r\n",
  "\n\n",
  "0\r\n\r\n",
  "\r\n ",
  "Content-Length: 5\r\n",
  "\r\nContent-Length: 0",
  "Transfer-Encoding: chunked\r\n",
  "\r\nTransfer-Encoding: chunked\r\n",
  " chunked",
  "Host: evil.example\r\n",
  "Connection: close\r\n",
  "Expect: 100-continue\r\n",
  "Upgrade: x\r\nConnection: upgrade\r\n",
  "HTTP/1.1",
  "{",
  "}",
  '"',
  "\\u0000",
  "9".repeat(20)
]

/** Requests with some bytes changed, of which nobody can say what they are; the locks' routes stay out of reach twice. */
export const mutated = (random: SeededRandom, index: number): HostileRequest => {
  const base = random.chance(0.5)
    ? Buffer.from(
        `POST ${random.pick(["/run", "/spawn"])} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: ${tagOf(index)}\r\n` +
          `Origin: http://evil.example\r\n${json}Content-Length: 11\r\n\r\n[[[[1]]]]  `
      )
    : harmless(random, index).bytes
  let bytes = base.subarray(0, 6_000)
  for (let times = 1 + random.below(4); times > 0; times--) bytes = mutate(random, bytes)
  return { shape: "mutated", bytes, expected: { status: [] } }
}

const harmless = (random: SeededRandom, index: number): HostileRequest => {
  for (;;) {
    const request = wellFormed(random, index)
    if (/\/(health|notify|pause|resume)$/.test(request.shape)) return request
  }
}

const mutate = (random: SeededRandom, bytes: Buffer): Buffer => {
  const at = random.below(bytes.length + 1)
  const end = Math.min(bytes.length, at + 1 + random.below(random.pick([2, 20, 500])))
  const [before, range, after] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)]
  const hot = Buffer.from(random.pick(hotBytes), "latin1")
  switch (random.below(5)) {
    case 0:
      return Buffer.concat([before, hot, range, after])
    case 1:
      return Buffer.concat([before, hot, after])
    case 2:
      return Buffer.concat([before, range, range, after])
    case 3:
      return Buffer.concat([before, after])
    default:
      return Buffer.concat([before, Buffer.of(random.below(256)), bytes.subarray(at + 1)])
  }
}
