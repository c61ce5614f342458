import { assert, describe, it } from "@effect/vitest"
import { afterAll, beforeAll, vi } from "vitest"
import { newestRun } from "../../../src/page/state/newestRun.ts"
import { initialState, type PageState } from "../../../src/page/state/PageState.ts"
import { textOf } from "../../../src/page/words/band.ts"
import { bandOf } from "../../../src/page/words/bandWords.ts"
import { titleOf } from "../../../src/page/words/pageTitle.ts"
import * as still from "../../../src/page/words/stillBands.ts"
import { type State, states } from "../../browser/support/states.ts"
import { now } from "../../browser/support/mockTime.ts"

beforeAll(() => void vi.stubEnv("TZ", "Europe/Berlin"))
afterAll(() => void vi.unstubAllEnvs())

const labels: Readonly<Record<string, string>> = {
  goTo: "Go to it",
  start: "Start…",
  stop: "Stop",
  keep: "Keep running",
  startDefault: "Start default now",
  tryTick: "Try now",
  tryNow: "Try now",
  cancel: "Cancel",
  resume: "Resume"
}

/** The page after the first answers of a Looper in this state. */
const pageOf = ({ status, runs, nowMillis = now }: State): PageState => ({
  ...initialState,
  nowMillis,
  connection: { kind: "online" },
  status,
  statusAtMillis: nowMillis,
  history: { ...initialState.history, runs, nextCursor: null },
  recent: runs,
  lastDetails: runs[0],
  shownRun: newestRun({ status, recent: runs }),
  log: { command: "cargo verus verify -p kernel", stream: "open", isFollowing: true }
})

const said = (state: PageState) => {
  const band = bandOf(state, () => still)
  return {
    headline: `${band?.word ?? ""} ${band?.number ?? ""}`.trim(),
    sentence: textOf(band?.sentence ?? []).trim(),
    buttons: (band?.buttons ?? []).map((name) => labels[name] ?? name)
  }
}

const isAs = (actual: string, expected: string | RegExp) =>
  typeof expected === "string" ? assert.strictEqual(actual, expected) : assert.match(actual, expected)

const running = pageOf(states.running)
const idle = pageOf(states.idle)

const stopping = (leavesRun: boolean) => ({ kind: "shuttingDown", deadlineMillis: now + 6_000, leavesRun }) as const
const title = (state: PageState) =>
  titleOf(
    bandOf(state, () => still),
    state
  )

/** Somebody opened this run by its address. */
const buttons = (state: PageState, pinnedRunId: string) => said({ ...state, pinnedRunId }).buttons

describe("the band", () => {
  for (const [name, state] of Object.entries<State>(states)) {
    it(`says what the reference says: ${name}`, () => {
      const { headline, sentence, buttons } = said(pageOf(state))
      isAs(headline, state.band.headline)
      isAs(sentence, state.band.sentence)
      assert.deepStrictEqual(buttons, [...state.band.buttons])
    })
  }

  it("says nothing before anything is known, and nothing of an idle Looper before its last run is", () => {
    assert.isUndefined(bandOf(initialState, () => still))
    assert.isUndefined(bandOf({ ...idle, recent: [], history: initialState.history }, () => still))
  })

  it("of a run that works needs no words that are loaded later, and waits for those of any other state", () => {
    let asked = 0
    const notYet = () => {
      asked += 1
      return undefined
    }
    assert.strictEqual(bandOf(running, notYet)?.word, "Running")
    assert.strictEqual(asked, 0)
    assert.isUndefined(bandOf(idle, notYet))
    assert.isUndefined(bandOf(pageOf(states.starting), notYet))
    assert.strictEqual(asked, 2)
  })

  it("asks before it stops, with what comes next", () => {
    const stop = { kind: "armed", runId: "3f9c21ab", deafUntilMillis: now, lapsesAtMillis: now + 5_000 } as const
    const status = { ...states.running.status, autopoll: states.idle.status.autopoll }
    assert.deepStrictEqual(said({ ...running, status, stop }), {
      headline: "Running 1 h 12 m",
      sentence: "Stop this run? Its 3 processes get SIGTERM, after 5 s SIGKILL. Autopoll starts another by 13:58.",
      buttons: ["Keep running", "confirmStop"]
    })
    const { sentence } = said({ ...running, status: { ...status, autopoll: states.idleoff.status.autopoll }, stop })
    assert.match(sentence, / Autopoll is off: nothing follows\.$/)
    const backoff = { ...status.autopoll, backoff_until: new Date(now + 1_200_000).toISOString() }
    const backing = said({ ...running, status: { ...status, autopoll: backoff }, stop })
    assert.match(backing.sentence, / Autopoll backs off until 14:14\.$/)
  })

  it("shows as much of a command as the band has room for, and the rest as its title", () => {
    const command = `cargo test -p kernel ${"--features long ".repeat(9)}`
    const parts = bandOf({ ...running, log: { ...running.log, command } }, () => still)?.sentence ?? []
    const shown = parts.find((part) => typeof part === "object" && "m" in part)
    assert.deepStrictEqual(shown, { m: "cargo test -p kernel --features long --feat…", title: command })
  })

  it("counts those that are gone while it stops, then says who stopped it", () => {
    const stop = { kind: "stopping", runId: "3f9c21ab", sinceMillis: now - 2_000, processCount: 3 } as const
    const status = { ...states.running.status, run: { ...states.running.status.run!, process_count: 1 } }
    assert.deepStrictEqual(said({ ...running, status, stop }), {
      headline: "Stopping 2 s",
      sentence: "2 of 3 processes are gone. SIGKILL in 3 s.",
      buttons: []
    })
    const ended = states["silent too long"].runs[0]!
    const run = { ...ended, cause: "request" as const, ended_at: new Date(now - 12_000).toISOString(), reason: null }
    const stoppedHere = { runId: run.request_id, processCount: 3, remaining: 0 }
    assert.deepStrictEqual(said({ ...idle, recent: [run], stoppedHere }), {
      headline: "Stopped 12 s ago",
      sentence: `You stopped run ${run.request_id} from this page. 3 processes ended, none left. Autopoll starts the default prompt at 13:57:01.`,
      buttons: ["Start…", "Start default now"]
    })
  })

  it("does not blame the machine where Looper went down before there was a run", () => {
    const run = { ...states.interrupted.runs[0]!, pid: null }
    assert.match(
      said({ ...pageOf(states.interrupted), recent: [run] }).sentence,
      /^Looper went down before codex started; nothing was launched\. /
    )
  })

  it("says where a broken stream goes on", () => {
    assert.strictEqual(
      said({ ...running, log: { ...running.log, stream: "broken" } }).sentence,
      "Last output 4 s ago. The log stream broke off; it goes on at the byte where it stopped."
    )
  })

  it("offers the run that lives while an old one is read, and tells of no command of another log", () => {
    const { sentence, buttons } = said({ ...running, shownRun: { ...states.failed.runs[0]!, request_id: "00000001" } })
    assert.strictEqual(sentence, "Last output 4 s ago.")
    assert.deepStrictEqual(buttons, ["Go to it", "Start…", "Stop"])
  })

  it("offers the newest run wherever another one, or none, is pinned", () => {
    assert.deepStrictEqual(buttons(idle, "00000001"), ["Go to it", "Start…", "Start default now"])
    assert.deepStrictEqual(buttons(pageOf(states.starting), "00000001"), ["Go to it", "Cancel"])
    assert.deepStrictEqual(buttons({ ...running, shownRun: undefined }, "00000001"), ["Go to it", "Start…", "Stop"])
    assert.deepStrictEqual(buttons(running, "3f9c21ab"), ["Start…", "Stop"])
    const stop = { kind: "armed", runId: "3f9c21ab", deafUntilMillis: now, lapsesAtMillis: now + 5_000 } as const
    assert.deepStrictEqual(buttons({ ...running, stop }, "00000001"), ["Keep running", "confirmStop"])
  })

  it("names a webhook that did not take the message", () => {
    const state = states["message refused"]
    const status = { ...state.status, defaults: { ...state.status.defaults, announces_to: "a webhook" } }
    assert.match(said(pageOf({ ...state, status })).sentence, /^The webhook did not take the message, so nothing was /)
  })

  it("tells a start that failed beside a run that is silent, too", () => {
    const { runs } = states["refused beside a run"]
    const state = pageOf({ ...states.silent, runs })
    assert.match(said(state).sentence, /^No output since 13:27.* A start failed at 13:53:02: failed to send/)
  })

  it("tells silence and a broken stream at once", () => {
    const silent = pageOf(states.silent)
    const { sentence } = said({ ...silent, log: { ...silent.log, stream: "broken" } })
    assert.match(
      sentence,
      /^No output since 13:27.* The log stream broke off; it goes on at the byte where it stopped\.$/
    )
  })

  it("tells that Looper does not answer, and what may go on without it", () => {
    const connection = { kind: "unreachable", sinceMillis: now - 32_000, nextTryMillis: now + 3_500 } as const
    const old = { statusAtMillis: now - 32_000, connection }
    assert.deepStrictEqual(said({ ...running, ...old }), {
      headline: "Looper does not answer since 13:52:48",
      sentence:
        "Its run may go on: a run does not need Looper. This is 32 s old. Next try in 4 s; the log goes on where it broke off.",
      buttons: ["Try now"]
    })
    assert.strictEqual(
      said({ ...idle, ...old }).sentence,
      "Nothing ran when it last answered. This is 32 s old. Next try in 4 s."
    )
    assert.match(
      said({ ...running, statusAtMillis: now - 32_000, connection: { ...connection, hasEndedRun: true } }).sentence,
      /^It was stopped, and was to end its run first\. /
    )
  })

  it("tells that Looper stops, and what becomes of its run", () => {
    assert.deepStrictEqual(said({ ...running, connection: stopping(false) }), {
      headline: "Shutting down 6 s left",
      sentence:
        "Looper is stopping and ends the run first. It accepts nothing new. This page reconnects when it is back.",
      buttons: ["Start…"]
    })
    assert.match(
      said({ ...running, connection: stopping(true) }).sentence,
      /^Looper is stopping and leaves the run alive\./
    )
    assert.match(said({ ...idle, connection: stopping(false) }).sentence, /^Looper is stopping\. /)
  })

  it("asks for a token, and repeats why somebody is not allowed", () => {
    const connection = { kind: "unauthorized", isRefused: false, notBeforeMillis: undefined } as const
    assert.deepStrictEqual(said({ ...initialState, connection }), {
      headline: "Token needed",
      sentence: "Without it this page shows nothing and does nothing.",
      buttons: []
    })
    assert.deepStrictEqual(
      said({ ...initialState, connection: { kind: "forbidden", error: "this Host is not allowed" } }),
      {
        headline: "Not allowed from here",
        sentence: "this Host is not allowed",
        buttons: []
      }
    )
  })

  it("tells aloud nothing that ticks", () => {
    for (const state of Object.values<State>(states)) {
      const page = pageOf(state)
      // A start goes on by itself.
      if (state.status.holder !== null) continue
      const later = { ...page, nowMillis: page.nowMillis + 7_000 }
      assert.strictEqual(bandOf(later, () => still)?.said, bandOf(page, () => still)?.said)
    }
  })

  it("is the tab's title, with a live run's time to the minute", () => {
    assert.strictEqual(title(running), "Running 1 h 12 m · Looper")
    assert.strictEqual(title(idle), "Idle · Looper")
    assert.strictEqual(title(pageOf(states.silent)), "Running, silent · Looper")
    assert.strictEqual(title(pageOf(states.foreign)), "Idle, held up · Looper")
    assert.strictEqual(title(pageOf(states.backoff)), "Backing off · Looper")
    assert.strictEqual(title(initialState), "Looper")
  })
})
