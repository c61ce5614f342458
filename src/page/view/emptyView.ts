/** What stands there before the first run. */
import { html, type TemplateResult } from "lit-html"
import type { PageState } from "../state/PageState.ts"
import { shortPath, withinWorkspace } from "../words/paths.ts"

/** The default prompt, a line for a shell, and a check. */
export const emptyView = ({ status }: PageState): TemplateResult => {
  const defaults = status?.defaults
  const workspace = defaults?.workspace ?? ""
  const source = defaults?.prompt_source ?? ""
  const change =
    source === "built-in"
      ? "LOOPER_DEFAULT_PROMPT or LOOPER_DEFAULT_PROMPT_FILE changes it for all"
      : `${source.startsWith("/") ? withinWorkspace(source, workspace) : source} changes it for all`
  const address = new URL("run", document.baseURI)
  address.search = ""
  address.hash = ""
  return html`<section class="blank" tabindex="0" aria-labelledby="nothing-yet">
    <h2 id="nothing-yet">Nothing has run yet</h2>
    <p>The default prompt, for ${shortPath(workspace, workspace)}. Start… changes it for one run; ${change}.</p>
    <pre>${defaults?.prompt ?? defaults?.prompt_error ?? ""}</pre>
    <h2>From a shell</h2>
    <pre>${`curl -sS ${address.href.replace(/^http:\/\//, "")} -H 'content-type: application/json' \\\n  -d '{"zulip_message":"starting"}'`}</pre>
    <h2>Before the first run</h2>
    <p><span class="m">looper doctor</span> checks codex, its login, the workspace, Zulip and the log folder.</p>
  </section>`
}
