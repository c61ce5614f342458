/** Shows the OpenAPI document; where Looper wants its token, asks for it and keeps it in this page alone. */
const element = (id) => document.querySelector(`#${id}`)

const show = (spec, token) => {
  const ui = window.SwaggerUIBundle({
    spec,
    domNode: element("docs"),
    deepLinking: true,
    displayOperationId: true,
    // Otherwise the document would be shown to a service of somebody else.
    validatorUrl: null,
    onComplete: () => {
      if (token !== undefined) ui.preauthorizeApiKey("token", token)
    }
  })
}

const ask = (why) => {
  element("why").textContent = why
  element("ask").hidden = false
  element("token").focus()
}

const load = async (token) => {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  const answer = await fetch("openapi.json", { headers })
  if (answer.ok) {
    element("ask").hidden = true
    show(await answer.json(), token)
  } else if (answer.status === 401) {
    ask(token === undefined ? "This Looper answers holders of its token." : "This is not the token.")
  } else {
    const { error } = await answer.json()
    ask(error)
  }
}

const tryLoad = (token) => load(token).catch((error) => ask(String(error)))

element("ask").addEventListener("submit", (event) => {
  event.preventDefault()
  void tryLoad(element("token").value)
})
void tryLoad()
