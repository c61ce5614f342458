import { vi } from "vitest"
import { LooperApi } from "../../../src/page/api/LooperApi.ts"

/** What a browser has and Node has not, as far as the state needs it. */
export interface Browser {
  readonly document: EventTarget & { hidden: boolean }
  readonly location: { search: string; hash: string; readonly pathname: string }
  readonly window: EventTarget
  /** What was written into it last. */
  readonly history: { state: unknown; address: string | undefined }
  /** Frames that were asked for, and do not come by themselves. */
  readonly frames: Array<() => void>
}

/** Stubs it until `vi.unstubAllGlobals()`. */
export const stubBrowser = (): Browser => {
  const browser: Browser = {
    document: Object.assign(new EventTarget(), { hidden: false }),
    location: { search: "", hash: "", pathname: "/" },
    window: new EventTarget(),
    history: { state: null, address: undefined },
    frames: []
  }
  const { document, location, window, history, frames } = browser
  vi.stubGlobal("document", document)
  vi.stubGlobal("location", location)
  const replaceState = (state: unknown, _: string, address: string) => Object.assign(history, { state, address })
  vi.stubGlobal("history", Object.assign(history, { replaceState }))
  vi.stubGlobal("addEventListener", window.addEventListener.bind(window))
  vi.stubGlobal("requestAnimationFrame", (frame: () => void) => frames.push(frame))
  vi.stubGlobal("sessionStorage", { getItem: () => null, removeItem: () => undefined })
  return browser
}

/** An API that answers as told, and notes what it was asked for. */
export class ToldApi extends LooperApi {
  readonly asked: Array<string> = []
  readonly #answers: (path: string) => unknown

  /** What `answers` throws is what a request fails with. */
  constructor(answers: (path: string) => unknown) {
    super()
    this.#answers = answers
  }

  override async get<Answer>(path: string): Promise<Answer> {
    this.asked.push(path)
    return this.#answers(path) as Answer
  }

  override async fetch(path: string): Promise<Response> {
    this.asked.push(path)
    return new Response(String(this.#answers(path)))
  }
}
