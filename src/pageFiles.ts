/** The web page's files, as `npm run build:page` made them. */
import { readdir, readFile } from "node:fs/promises"
import { extname, resolve } from "node:path"
import { Effect, Schema } from "effect"
import type { Content } from "./runtime/Handler.ts"

/** The folder that the page is built into; built, this file lies a folder deeper. */
const folder = resolve(import.meta.dirname, import.meta.filename.endsWith(".ts") ? "../dist/page" : "../page")

/** The page was not built, or was built anew since the browser loaded it. */
export class PageFileNotFound extends Schema.TaggedError<PageFileNotFound>()("PageFileNotFound", {}) {
  override get message(): string {
    return "the page has no such file; reload it, or build it where it was never built: npm run build:page"
  }
}

/** What is served, by the end of its name. */
const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2"
}

/**
 * Nothing of another host, no inline script or style, no string that becomes code or markup; two policies make what
 * the page itself needs: lit-html's static templates, and the one address of the page's worker.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types lit-html find-worker"
].join("; ")

/** A worker has its script's own policy, not its page's: it may read logs, and make no code of a string. */
const scriptPolicy = "default-src 'none'; connect-src 'self'; require-trusted-types-for 'script'"

const common = {
  Vary: "Accept-Encoding",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin"
}

const read = Effect.fnUntraced(function* (name: string) {
  return yield* Effect.tryPromise({
    try: async () => {
      // Looked up: what a request names is never made part of a path.
      const file = (await readdir(folder)).find((built) => built === name)
      return file === undefined ? undefined : new Uint8Array(await readFile(resolve(folder, file)))
    },
    catch: () => new PageFileNotFound()
  }).pipe(Effect.flatMap((bytes) => (bytes === undefined ? new PageFileNotFound() : Effect.succeed(bytes))))
})

const acceptsGzip = (acceptEncoding: string | undefined): boolean =>
  /(^|,)\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*(,|$))|,|$)/i.test(acceptEncoding ?? "")

/** The file, compressed for who takes it so; fonts are compressed in themselves. */
const encoded = Effect.fnUntraced(function* (name: string, acceptEncoding: string | undefined) {
  if (name.endsWith(".woff2") || !acceptsGzip(acceptEncoding)) return { body: yield* read(name), headers: common }
  return { body: yield* read(`${name}.gz`), headers: { ...common, "Content-Encoding": "gzip" } }
})

/** The page itself. */
export const page = Effect.fn("page")(function* (
  acceptEncoding: string | undefined
): Effect.fn.Return<Content, PageFileNotFound> {
  const { body, headers } = yield* encoded("index.html", acceptEncoding)
  return {
    headers: {
      ...headers,
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": policy,
      "Cache-Control": "no-cache"
    },
    body
  }
})

/** A script, style or font of the page: its name has the hash of what it holds. */
export const pageFile = Effect.fn("pageFile")(function* (
  name: string,
  acceptEncoding: string | undefined
): Effect.fn.Return<Content, PageFileNotFound> {
  const type = types[extname(name)]
  if (type === undefined) return yield* new PageFileNotFound()
  const { body, headers } = yield* encoded(name, acceptEncoding)
  return {
    headers: {
      ...headers,
      ...(type === types[".js"] && { "Content-Security-Policy": scriptPolicy }),
      "Content-Type": type,
      "Cache-Control": "max-age=31536000, immutable"
    },
    body
  }
})
