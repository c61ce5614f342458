/** GET /docs/:file: a file of the page. */
import { Schema } from "effect"
import * as page from "../src/docsPage/docsFiles.ts"
import { handler } from "../src/runtime/Handler.ts"

/** For anybody, as the page is. */
export const docsFile = handler({
  summary: "A script or a style of `/docs`",
  method: "GET",
  path: "/docs/:file",
  access: "publicWithToken",
  request: Schema.Struct({
    file: Schema.String.annotateKey({ description: "One that the page names", examples: ["page.css"] })
  }),
  success: { contents: { "text/css": "a style", "text/javascript": "a script" } },
  errors: { FileNotFound: { status: 404, about: "the page has no such file" } },
  body: ({ file }) => page.docsFile(file)
})
