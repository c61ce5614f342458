/** The web page's entry. */
import { html, render } from "lit-html"
import { mark } from "./view/marks.ts"

render(html`<h1>${mark("idle")} Looper</h1>`, document.body)
