/** The form for a token: before it the page shows nothing. */
import { html, nothing, type TemplateResult } from "lit-html"
import type { Actions } from "../actions/Actions.ts"
import type { PageState } from "../state/PageState.ts"
import { focusWhen } from "./directives.ts"

/** The token goes to the tab's storage alone, not into the state. */
export const tokenForm = ({ connection, nowMillis, pending }: PageState, actions: Actions): TemplateResult => {
  const isRefused = connection.kind === "unauthorized" && connection.isRefused
  const notBeforeMillis = connection.kind === "unauthorized" ? connection.notBeforeMillis : undefined
  const waitSeconds = Math.ceil(Math.max(0, (notBeforeMillis ?? 0) - nowMillis) / 1_000)
  const isChecking = pending.includes("token")
  const isDisabled = isChecking || waitSeconds > 0
  const onSubmit = (event: Event) => {
    event.preventDefault()
    const input = (event.target as HTMLFormElement).querySelector("input") as HTMLInputElement
    if (!isDisabled) actions.enterToken(input.value)
  }
  const wait = waitSeconds > 0 ? `Wait ${waitSeconds} s before the next try.` : ""
  return html`<div class="blank" tabindex="-1">
    <form class="f tok" novalidate @submit=${onSubmit}>
      <div class="lb"><label for="token">Token</label><span class="h">LOOPER_API_TOKEN</span></div>
      <input
        type="password"
        id="token"
        autocomplete="off"
        spellcheck="false"
        aria-invalid=${isRefused}
        aria-describedby="token-said token-kept"
        ${focusWhen(notBeforeMillis ?? true)}
      />
      <p class=${isRefused ? "note bad" : "said"} id="token-said" role="alert">${
        isRefused ? `Looper refused this token. ${wait}` : nothing
      }</p>
      <p class="h" id="token-kept">
        Kept in this tab only, until you close it. It is sent to ${location.host} and nowhere else.
      </p>
      <div class="go"><button type="submit" class="btn pri" ?disabled=${isDisabled}>${isChecking ? "Opening…" : "Open"}</button></div>
    </form>
    <p>It is LOOPER_API_TOKEN in the environment, or the .env file, of the Looper on ${location.hostname}.</p>
  </div>`
}
