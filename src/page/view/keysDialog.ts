/** The dialog that lists the keys, and has the switches for them and for the theme. */
import { html, type TemplateResult } from "lit-html"
import type { Actions } from "../actions/Actions.ts"
import type { PageState, Settings } from "../state/PageState.ts"
import { keyGroups } from "./keyList.ts"

const themes: ReadonlyArray<readonly [Settings["theme"], string]> = [
  ["system", "As the system has it"],
  ["light", "Light"],
  ["dark", "Dark"]
]

/** Keys and switches. */
export const keysDialog = ({ settings }: PageState, actions: Actions): TemplateResult => {
  const onSubmit = (event: Event) => {
    event.preventDefault()
    actions.closeDialog()
  }
  const onKeys = (event: Event) => actions.setSettings({ hasKeys: (event.target as HTMLInputElement).checked })
  return html`<form @submit=${onSubmit}>
    <h2 id="dialog-title">Keys</h2>
    <div class=${settings.hasKeys ? "keys" : "keys not"}>
      ${keyGroups.map(
        ({ title, bindings }) => html`<section>
          <h3>${title}</h3>
          <dl>
            ${bindings.map(
              ({ keys, words }) => html`<div>
                <dt>${keys.map((key) => html`<kbd>${key}</kbd>`)}</dt>
                <dd>${words}</dd>
              </div>`
            )}
          </dl>
        </section>`
      )}
    </div>
    <label class="chk"><input type="checkbox" .checked=${settings.hasKeys} @change=${onKeys} />Single letters are commands</label>
    <fieldset class="choice">
      <legend>Theme</legend>
      ${themes.map(
        ([theme, words]) =>
          html`<label class="chk"
            ><input
              type="radio"
              name="theme"
              .checked=${settings.theme === theme}
              @change=${() => actions.setSettings({ theme })}
            />${words}</label
          >`
      )}
    </fieldset>
    <div class="go">
      <span class="q kept">Kept in this browser</span>
      <button type="submit" class="btn" autofocus>Close</button>
    </div>
  </form>`
}
