/** Files of the page that shows the API: Looper's own, and those of Swagger UI. */
import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { join } from "node:path"
import { Effect, Schema } from "effect"
import type { Content } from "../runtime/Handler.ts"

/** The page has no such file. */
export class FileNotFound extends Schema.TaggedError<FileNotFound>()("FileNotFound", {}) {
  override get message(): string {
    return `no such file; there are ${[...files.keys()].join(", ")}`
  }
}

const require = createRequire(import.meta.filename)
const own = (name: string) => join(import.meta.dirname, name)
/** The package is a plugin of another server, of which only these files are used: Swagger UI without its installer. */
const swagger = (name: string) => require.resolve(`@fastify/swagger-ui/static/${name}`)

const css = "text/css; charset=utf-8"
const javascript = "text/javascript; charset=utf-8"

/** Every file that is served, and no other: a name is looked up, never joined to a path. */
const files: ReadonlyMap<string, { readonly type: string; readonly path: () => string }> = new Map([
  ["page.css", { type: css, path: () => own("page.css") }],
  ["page.js", { type: javascript, path: () => own("page.js") }],
  ["swagger-ui.css", { type: css, path: () => swagger("swagger-ui.css") }],
  ["swagger-ui-bundle.js", { type: javascript, path: () => swagger("swagger-ui-bundle.js") }]
])

/** Scripts, styles and requests of this origin alone; pictures in Swagger UI's styles are `data:`. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

const readBytes = (path: string) => Effect.promise(async () => new Uint8Array(await readFile(path)))

/** A file by its name. */
export const docsFile = Effect.fn("docsFile")(function* (name: string): Effect.fn.Return<Content, FileNotFound> {
  const file = files.get(name)
  if (file === undefined) return yield* new FileNotFound()
  const headers = { "Content-Type": file.type, "Cache-Control": "max-age=3600" }
  return { headers, body: yield* readBytes(file.path()) }
})

/** The page itself. */
export const docsPage = Effect.map(
  Effect.suspend(() => readBytes(own("page.html"))),
  (body): Content => ({
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": policy,
      "Referrer-Policy": "no-referrer",
      "Cache-Control": "no-cache"
    },
    body
  })
)
