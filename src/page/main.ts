/** The web page's entry: puts its parts together. */
import { render } from "lit-html"
import type { Context } from "./actions/Actions.ts"
import { makeLaterActions } from "./actions/laterActions.ts"
import { rememberedSettings } from "./actions/rememberedSettings.ts"
import { applyTheme } from "./actions/theme.ts"
import { makeViewActions } from "./actions/viewActions.ts"
import { LooperApi } from "./api/LooperApi.ts"
import { listenToKeys } from "./keys.ts"
import { loadBands, stillBands } from "./loadBands.ts"
import { loadLater } from "./loadLater.ts"
import { makeLogPane } from "./log/LogPane.ts"
import { startClock } from "./state/clock.ts"
import { Histories } from "./state/Histories.ts"
import { initialState, nothingSeen, type PageState } from "./state/PageState.ts"
import { Poll } from "./state/Poll.ts"
import { Shown } from "./state/Shown.ts"
import { showsLog } from "./state/showsLog.ts"
import { Store } from "./state/Store.ts"
import { Announcer } from "./view/Announcer.ts"
import { app } from "./view/app.ts"
import { showIcon } from "./view/icon.ts"
import { RunList } from "./view/RunList.ts"
import { bandOf } from "./words/bandWords.ts"
import { iconOf, titleOf } from "./words/pageTitle.ts"

const api = new LooperApi()
const settings = rememberedSettings()
applyTheme(settings.theme)
const store = new Store<PageState>({ ...initialState, settings, nowMillis: api.now() })
const histories = new Histories(store, api)
const shown = new Shown(store, api)
const poll = new Poll(store, api, (status) => histories.onStatus(status))
const context: Context = { store, api, look: () => poll.hurry() }
const acts = makeLaterActions(context)
const views = makeViewActions(context, { poll, histories, shown, reveal: (...which) => list.reveal(...which) })
const actions = { ...acts, ...views }
const list = new RunList(actions)
const pane = makeLogPane({
  api,
  onFacts: (log) => {
    shown.onLog(log)
    store.update({ log })
  },
  onMark: (runId, place) => shown.mark(runId, place),
  onRunEnded: () => poll.hurry(),
  // What tells it has a kind of its own.
  onShutdown: ({ deadlineMillis, leavesRun }) =>
    store.update({ connection: { kind: "shuttingDown", deadlineMillis, leavesRun } }),
  onPrompt: () => actions.openDialog("prompt"),
  onUnauthorized: () => poll.ask()
})
const announcer = new Announcer()
const root = document.createElement("div")
document.body.append(...announcer.elements, root)

const neededBands = () => {
  void loadBands(store)
  return stillBands()
}

let before = store.state
store.subscribe((state) => {
  const { connection } = state
  if (connection.kind === "unauthorized" && state.status !== undefined) {
    store.update(nothingSeen())
    histories.reset()
    shown.reset()
  }
  if (connection.kind === "connecting" && before.connection.kind !== "connecting") poll.ask()
  const isNews = state.status !== before.status || state.recent !== before.recent
  if (isNews || state.history.runs !== before.history.runs) shown.choose()
  before = state

  const band = bandOf(state, neededBands)
  render(app(state, band, { context, actions, list, pane }), root)
  list.show(state)
  announcer.say(band)
  showIcon(iconOf(band))
  const title = titleOf(band, state)
  if (document.title !== title) document.title = title

  if (connection.kind !== "connecting") {
    pane.setReachable(connection.kind === "online" || connection.kind === "shuttingDown")
  }
  const place = shown.takePlace(state.shownRun)
  if (state.pinnedRunId !== undefined && state.pinnedRunId !== revealed) list.reveal(state.pinnedRunId)
  revealed = state.pinnedRunId
  const run = showsLog(state) ? state.shownRun : undefined
  if (run !== paneRun || place !== undefined) pane.show(run, place)
  paneRun = run
})
let paneRun: PageState["shownRun"]
let revealed: string | undefined

showIcon("waiting")
listenToKeys(context, actions, pane)
startClock(store, api)
poll.ask()
// After what is seen, and before it is needed: a Looper that was updated meanwhile has it no more.
setTimeout(() => {
  void loadBands(store)
  void loadLater(store)
}, 3_000)
