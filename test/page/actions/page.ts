import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { vi } from "vitest"
import type { DoActions } from "../../../src/page/actions/Actions.ts"
import { makeDoActions } from "../../../src/page/actions/doActions.ts"
import { LooperApi } from "../../../src/page/api/LooperApi.ts"
import type { Status } from "../../../src/page/api/answers.ts"
import { initialState, type PageState } from "../../../src/page/state/PageState.ts"
import { Store } from "../../../src/page/state/Store.ts"

/** A request as it came. */
export interface Asked {
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
  readonly key: string | undefined
  readonly token: string | undefined
}

/** `undefined` breaks the connection; a promise answers when it is resolved. */
type Said = readonly [status: number, body: object] | undefined

/** The acting half of a page, before a server that answers as told. */
export interface ActingPage extends AsyncDisposable {
  readonly asked: Array<Asked>
  readonly store: Store<PageState>
  readonly actions: DoActions
  readonly api: LooperApi
  /** Answers from now on. */
  answer(by: (asked: Asked) => Said | Promise<Said>): void
  /** Waits for a state. */
  until(isSo: (state: PageState) => boolean): Promise<PageState>
}

const storage = (): Pick<Storage, "getItem" | "setItem" | "removeItem"> => {
  const items = new Map<string, string>()
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key)
  }
}

/** The dialogs' code asks for one as it is loaded, and draws nothing here. */
const createTreeWalker = () => ({})

/** What a browser has and Node has not, as far as acting needs it. */
const stubBrowser = (baseURI: string) => {
  const document = { baseURI, hidden: true, documentElement: { dataset: {} }, createTreeWalker }
  vi.stubGlobal("document", Object.assign(new EventTarget(), document))
  vi.stubGlobal("location", new URL(baseURI))
  vi.stubGlobal("sessionStorage", storage())
  vi.stubGlobal("localStorage", storage())
}

const taken = (): Said => [200, { ok: true }]

/** Opens one whose Looper has this status. */
export const openPage = async (status: Status): Promise<ActingPage> => {
  const asked: Array<Asked> = []
  let by: (asked: Asked) => Said | Promise<Said> = taken
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    let text = ""
    for await (const chunk of request) text += String(chunk)
    const { authorization: token, "idempotency-key": key } = request.headers
    const one = { path: request.url ?? "", body: text === "" ? {} : JSON.parse(text), key: key?.toString(), token }
    asked.push(one)
    const said = await by(one)
    if (said === undefined) response.destroy()
    else response.writeHead(said[0], { "Content-Type": "application/json" }).end(JSON.stringify(said[1]))
  }
  const server = createServer((request, response) => void respond(request, response))
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  stubBrowser(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  const store = new Store<PageState>({ ...initialState, connection: { kind: "online" }, status })
  const api = new LooperApi()
  const actions = makeDoActions({ store, api })
  const until: ActingPage["until"] = (isSo) =>
    new Promise((resolve) => {
      const look = (state: PageState) => isSo(state) && resolve(state)
      look(store.state)
      store.subscribe(look)
    })
  // The first dialog asks for the code that the form's actions are in.
  actions.openDialog("start")
  await import("../../../src/page/later.ts")
  actions.closeDialog()
  return {
    asked,
    store,
    api,
    actions,
    until,
    answer: (answers) => {
      by = answers
    },
    [Symbol.asyncDispose]: async () => {
      vi.unstubAllGlobals()
      server.closeAllConnections()
      server.close()
      await once(server, "close")
    }
  }
}
