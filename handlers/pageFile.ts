/** GET /page/:file: a file of the web page. */
import { Schema } from "effect"
import * as files from "../src/pageFiles.ts"
import { handler } from "../src/runtime/Handler.ts"
import { pageErrors } from "./errors.ts"

/** For anybody, as the page is. */
export const pageFile = handler({
  summary: "A script, style, font or icon of the web page",
  method: "GET",
  path: "/page/:file",
  access: "publicWithToken",
  request: Schema.Struct({
    file: Schema.String.annotateKey({ description: "One that the page names" }),
    accept_encoding: Schema.optionalKey(Schema.String).annotateKey({ description: "With `gzip`: compressed" })
  }),
  headers: { accept_encoding: "Accept-Encoding" },
  success: {
    contents: {
      "text/css": "a style",
      "text/javascript": "a script",
      "font/woff2": "a font",
      "image/svg+xml": "an icon"
    }
  },
  errors: pageErrors,
  body: ({ file, accept_encoding }) => files.pageFile(file, accept_encoding)
})
