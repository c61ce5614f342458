/** What the pane's rows show, of all that it knows. */
import type { Run } from "../api/answers.ts"
import type { LogFacts } from "../state/PageState.ts"
import { isLive } from "../words/runWords.ts"
import type { Finders } from "./Finders.ts"
import type { FootState } from "./foot.ts"
import type { Handout } from "./Handout.ts"
import type { LiveLog } from "./LiveLog.ts"
import { fileNameOf, logPath } from "./LogFile.ts"
import { missingWords } from "./logWords.ts"
import type { StreamState } from "./LogStream.ts"
import type { LogView } from "./LogView.ts"
import type { ToolsState } from "./tools.ts"

/** All that the pane knows. */
export interface Scene {
  readonly run: Run | undefined
  readonly live: LiveLog | undefined
  readonly stream: StreamState
  readonly view: LogView
  readonly finders: Finders | undefined
  readonly handout: Handout | undefined
  /** What somebody asked for could not be loaded. */
  readonly isMissing: boolean
  readonly query: string
  readonly isAnnounced: boolean
  readonly isMoreOpen: boolean
  readonly hasToken: boolean
  readonly linesPerSecond: number
}

/** See {@link ToolsState}. */
export const toolsOf = ({ run, live, view, finders, handout, ...scene }: Scene): ToolsState => ({
  query: scene.query,
  found: finders?.text.words,
  errors: finders?.errors.count,
  isWrapped: view.scroller.classList.contains("wrap"),
  isAnnounced: scene.isAnnounced,
  isMoreOpen: scene.isMoreOpen,
  copied: handout?.copied,
  href: run === undefined || live === undefined || scene.hasToken ? undefined : logPath(run.request_id),
  fileName: fileNameOf(run?.request_id ?? ""),
  hasLog: live !== undefined,
  notice: scene.isMissing ? missingWords : handout?.notice?.text,
  curl: scene.isMissing ? undefined : handout?.notice?.curl,
  pid: run !== undefined && isLive(run) ? (run.pid ?? undefined) : undefined,
  size: live?.size ?? 0
})

/** See {@link FootState}. */
export const footOf = ({ live, stream, view, linesPerSecond }: Scene, nowMillis: number): FootState => {
  const { follow, lines, isAttached, place } = view
  const partial = live !== undefined && live.size > live.boundary ? 1 : 0
  return {
    stream,
    isFollowing: follow.isFollowing,
    reason: follow.reason,
    line: place === undefined ? undefined : lines.at(place.start)?.line.number,
    linesPerSecond,
    offset: live?.size ?? 0,
    nowMillis,
    lineCount: live?.number === undefined ? undefined : live.number - 1 + partial,
    inPage: { bytes: lines.bytes, isEnd: isAttached },
    hasLog: live?.isOpened === true
  }
}

/** What the rest of the page is told. */
export const factsOf = ({ live, stream: { kind }, view }: Scene): LogFacts => ({
  command: kind === "ended" || kind === "gone" ? undefined : live?.command,
  stream: live === undefined || kind === "gone" ? "none" : kind === "resting" ? "open" : kind,
  isFollowing: view.follow.isFollowing
})
