/** Keys: which letter is which command, and who hears them. */
import type { Actions, Context } from "./actions/Actions.ts"
import type { LogCommand, LogPane } from "./log/LogPane.ts"

/** What a key does beyond the log. */
export type PageCommand = "start" | "stop" | "keys" | "olderRun" | "newerRun" | "goTo"
/** What a key does. */
export type KeyCommand =
  | { readonly on: "page"; readonly command: PageCommand }
  | { readonly on: "log"; readonly command: LogCommand }

const pageKeys: Readonly<Record<string, PageCommand>> = {
  s: "start",
  x: "stop",
  "?": "keys",
  j: "olderRun",
  k: "newerRun"
}

const logKeys: Readonly<Record<string, LogCommand>> = {
  "/": "find",
  n: "nextMatch",
  N: "previousMatch",
  f: "follow",
  g: "top",
  G: "end",
  e: "nextError",
  E: "previousError",
  "[": "previousMessage",
  "]": "nextMessage",
  w: "wrap",
  y: "link"
}

/** Held down, these go on; all others are one press. */
const steps = new Set(["j", "k", "n", "N", "e", "E", "[", "]"])

/** What scrolls. */
const scrolling = /^(Arrow|Page)|^(Home|End| )$/

/** As much of a `KeyboardEvent` as decides. */
export interface KeyPress {
  readonly key: string
  readonly shiftKey: boolean
  /** Ctrl, Alt or Meta is held, as a browser's own commands have it; AltGr is none: it makes `[` on some keyboards. */
  readonly isModified: boolean
  readonly repeat: boolean
}

/** Where the focus is. */
export type FocusPlace = "field" | "history" | "elsewhere"

/** The command of a key, `undefined` where it is none. */
export const commandOf = (press: KeyPress, focus: FocusPlace): KeyCommand | undefined => {
  if (press.isModified || focus === "field") return undefined
  // By the shift key, not by the letter's case: Caps Lock changes only that.
  const key = /^[a-z]$/i.test(press.key)
    ? press.shiftKey
      ? press.key.toUpperCase()
      : press.key.toLowerCase()
    : press.key
  if (press.repeat && !steps.has(key)) return undefined
  if (key === "g" && focus === "history") return { on: "page", command: "goTo" }
  const page = Object.hasOwn(pageKeys, key) ? pageKeys[key] : undefined
  if (page !== undefined) return { on: "page", command: page }
  const log = Object.hasOwn(logKeys, key) ? logKeys[key] : undefined
  return log === undefined ? undefined : { on: "log", command: log }
}

const focusPlace = (target: EventTarget | null): FocusPlace => {
  if (!(target instanceof Element)) return "elsewhere"
  if (target.closest("input, textarea, select, [contenteditable]") !== null) return "field"
  return target.closest(".runs") === null ? "elsewhere" : "history"
}

/** Hears the page's keys; no letter where they are switched off, none while a dialog is open or a token is asked for. */
export const listenToKeys = ({ store }: Context, actions: Actions, log: LogPane): void => {
  const perform: { readonly [Command in PageCommand]: () => void } = {
    start: () => actions.openDialog("start"),
    stop: () => {
      if (store.state.stop.kind === "armed" || store.state.connection.kind !== "online") return
      actions.stop()
      // Enter confirms: on the button that is armed.
      document.querySelector<HTMLElement>("[data-act=stop]")?.focus()
    },
    keys: () => actions.openDialog("keys"),
    olderRun: () => actions.stepRun(1),
    newerRun: () => actions.stepRun(-1),
    goTo: () => actions.openDialog("goTo")
  }
  document.addEventListener("keydown", (event) => {
    const { connection, dialog, settings, stop } = store.state
    if (event.defaultPrevented || event.isComposing || dialog !== "none" || connection.kind === "unauthorized") return
    if (event.key === "Escape") {
      if (stop.kind === "armed" || stop.kind === "failed") actions.keepRunning()
      else actions.dropNotice()
      return
    }
    const isModified = (event.ctrlKey || event.altKey || event.metaKey) && !event.getModifierState("AltGraph")
    const { key, shiftKey, repeat, target } = event
    if (target === document.body && !isModified && !shiftKey && scrolling.test(key)) return log.take(event)
    if (!settings.hasKeys) return
    const found = commandOf({ key, shiftKey, repeat, isModified }, focusPlace(target))
    if (found === undefined) return
    event.preventDefault()
    if (found.on === "log") log.do(found.command)
    else perform[found.command]()
  })
}
