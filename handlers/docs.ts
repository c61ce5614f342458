/** GET /docs: the API in a browser. */
import { docsPage } from "../src/docsPage/docsFiles.ts"
import { EmptyRequest } from "../src/domain/RunRequest.ts"
import { handler } from "../src/runtime/Handler.ts"

/** For anybody: the page has nothing of Looper's, it asks for the document, and where that is refused for the token. */
export const docs = handler({
  summary: "The API in a browser",
  method: "GET",
  path: "/docs",
  access: "publicWithToken",
  request: EmptyRequest,
  success: { contents: { "text/html": "a page that shows the OpenAPI document" } },
  errors: {},
  body: () => docsPage
})
