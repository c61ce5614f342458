/** GET /: the web page. */
import { Schema } from "effect"
import * as files from "../src/pageFiles.ts"
import { handler } from "../src/runtime/Handler.ts"
import { pageErrors } from "./errors.ts"

/** For anybody: the page has nothing of Looper's, it asks for it, with the token where one is set. */
export const page = handler({
  summary: "The web page: what runs, why nothing runs, logs, history, start and stop",
  method: "GET",
  path: "/",
  access: "publicWithToken",
  request: Schema.Struct({
    accept_encoding: Schema.optionalKey(Schema.String).annotateKey({ description: "With `gzip`: compressed" })
  }),
  headers: { accept_encoding: "Accept-Encoding" },
  success: { contents: { "text/html": "a page that speaks to this origin alone" } },
  errors: pageErrors,
  body: ({ accept_encoding }) => files.page(accept_encoding)
})
