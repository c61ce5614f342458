/** The lines on the screen: a window of the file that follows its end, or stands where the reader put it. */
import { Follow, type PauseReason } from "./Follow.ts"
import type { LogLine } from "./LineDecoder.ts"
import type { LiveLog } from "./LiveLog.ts"
import type { LogFile } from "./LogFile.ts"
import { Flood } from "./Flood.ts"
import { loadedLines, maxLines, surplusOf, tailLines } from "./limits.ts"
import { Loading } from "./Loading.ts"
import { LogLines, type PlacedLine } from "./LogLines.ts"
import type { LogPlace } from "./LogPane.ts"
import { Look } from "./Look.ts"
import { keepPlace, reveal } from "./scrolling.ts"
import { marksOf } from "./place.ts"
import { linesAround, linesBefore, linesFrom, type Stretch } from "./pieces.ts"

/** Lines are drawn in portions of so many, as long as a frame has time for them, in milliseconds. */
const portionLines = 100
const paintMillis = 8

/** What it reads from. */
export interface Source {
  readonly live: LiveLog
  readonly file: LogFile
  readonly runId: string
}

/** Whom it tells. */
export interface ViewListener {
  readonly onChange: () => void
  readonly onMark: (runId: string, place: LogPlace | undefined) => void
}

/** Owns the scroller's lines. */
export class LogView {
  readonly scroller: HTMLElement
  readonly follow: Follow
  readonly lines: LogLines
  readonly #onChange: () => void
  readonly #onMark: ViewListener["onMark"]
  #source: Source | undefined
  /** Lines of the live end that are not drawn yet. */
  #queue: Array<LogLine> = []
  /** The window reaches to the live end. */
  #isAttached = true
  /** Live lines that come while others are loaded, which may reach to them. */
  #held: Array<LogLine> | undefined
  readonly loading: Loading
  #isScheduled = false
  readonly #flood = new Flood()
  readonly #look: Look
  /** A range begins, or ends, with the line of this byte. */
  #anchor = 0
  /** Came since the reader paused. */
  newLines = 0
  /** Were dropped before they were drawn, just before the window. */
  notDrawn = 0

  constructor(scroller: HTMLElement, isPlain: boolean, { onChange, onMark }: ViewListener) {
    this.scroller = scroller
    this.#onChange = onChange
    this.#onMark = onMark
    this.loading = new Loading(onChange)
    this.#look = new Look(isPlain)
    this.lines = new LogLines(this.#look)
    this.follow = new Follow(scroller, this.lines.element, {
      onChange: () => {
        if (this.follow.isFollowing) this.newLines = 0
        onChange()
      },
      isWindow: () => !this.#isAttached
    })
  }

  get isAttached(): boolean {
    return this.#isAttached
  }

  get place(): LogPlace | undefined {
    return this.#look.place
  }

  /** Where the window begins in the file. */
  get start(): number {
    return this.lines.first?.start ?? this.#queue[0]?.start ?? this.#source?.live.boundary ?? 0
  }

  /** Begins anew with another log, or none. */
  reset(source: Source | undefined): void {
    this.#source = source
    this.#look.reset(source?.runId, location.search)
    this.#leave()
    this.#clear()
    this.#isAttached = true
    this.newLines = 0
    this.follow.resume()
  }

  /** Lines that came at the live end. */
  take(lines: ReadonlyArray<LogLine>): void {
    this.#flood.add(lines.length)
    if (!this.follow.isFollowing) this.newLines += lines.length
    if (this.#held !== undefined) {
      for (const line of lines) this.#held.push(line)
      if (surplusOf(this.#held) > 0) this.#held = undefined
    }
    if (this.#isAttached) {
      for (const line of lines) this.#queue.push(line)
      // A hidden page has no frames.
      if (surplusOf(this.#queue, 2 * maxLines) > 0) this.#shorten()
    }
    this.schedule()
  }

  schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    requestAnimationFrame(() => {
      this.#isScheduled = false
      this.#paint()
    })
  }

  /** Goes to the live end and follows it. */
  async toEnd(): Promise<void> {
    this.#mark(undefined)
    this.#leave()
    if (this.#isAttached || this.#source === undefined) return this.follow.resume()
    const { file, live } = this.#source
    this.#clear()
    this.#isAttached = true
    this.follow.resume()
    this.schedule()
    const end = live.boundary
    await this.#load(
      () => linesBefore(file, end, tailLines),
      (stretch) => this.#prepend(stretch, end)
    )
  }

  /** Goes to a byte of the file; marks the place where one is given. Where it cannot be read all stays as it is. */
  async goTo(offset: number, reason: PauseReason, place?: LogPlace): Promise<PlacedLine | undefined> {
    if (this.#source?.live.isOpened !== true) return undefined
    const { file, live } = this.#source
    const end = live.boundary
    this.#leave()
    const shown = this.lines.at(offset)
    if (shown === undefined && end === 0) return undefined
    const [marked, wasFollowing] = [this.#look.place, this.follow.isFollowing]
    this.follow.pause(reason)
    if (place !== undefined) this.#mark(place)
    if (shown !== undefined) return this.#reveal(offset)
    const isThere = await this.#loadHolding(
      end,
      () => linesAround(file, Math.min(offset, end - 1), end),
      ({ lines }) => {
        this.#clear()
        this.#isAttached = false
        this.follow.pause(reason)
        this.lines.append(lines)
      }
    )
    if (isThere !== false) return isThere ? this.#reveal(Math.min(offset, end - 1)) : undefined
    if (place !== undefined && this.#look.place === place) this.#mark(marked)
    if (wasFollowing) this.follow.resume()
    return undefined
  }

  /** Goes to the first line of the file. */
  async toTop(): Promise<void> {
    if ((await this.goTo(0, "scrolling")) === undefined) return
    this.scroller.scrollTop = 0
    this.follow.stick()
  }

  async loadEarlier(): Promise<void> {
    const { start } = this
    if (start <= 0 || this.#source === undefined || this.loading.isOn) return
    const { file } = this.#source
    this.follow.pause("scrolling")
    await this.#load(
      () => linesBefore(file, start, loadedLines),
      (stretch) => {
        // The window may have moved on meanwhile.
        if (this.start !== start) return
        this.#prepend(stretch, start)
        this.notDrawn = Math.max(0, this.notDrawn - stretch.lines.length)
        if (this.lines.trim("last")) this.#detach()
      }
    )
  }

  async loadLater(): Promise<void> {
    const start = this.lines.last?.end
    if (this.#isAttached || start === undefined || this.#source === undefined || this.loading.isOn) return
    const { file, live } = this.#source
    const end = live.boundary
    await this.#loadHolding(
      end,
      () => linesFrom(file, start, end),
      ({ lines }) => {
        if (this.lines.last?.end !== start) return
        const kinds = this.lines.kindsBehind(start)
        const more = lines.length > 2 * loadedLines ? lines.slice(0, loadedLines) : lines
        for (const line of more) line.kind = kinds.next(line.text)
        this.lines.append(more)
        this.lines.trim("first")
      }
    )
  }

  /** The lines that are marked, whole. */
  markedLines(): LogPlace | undefined {
    const place = this.#look.place
    const line = place === undefined ? undefined : this.lines.at(place.start)?.line
    return line === undefined ? place : marksOf(line, place)
  }

  /** Marks a line, as a range with all from the one that was marked first to it. */
  markLine(line: LogLine, isRange: boolean): void {
    const start = isRange && this.place !== undefined ? this.#anchor : line.start
    this.#mark(marksOf(line, this.lines.at(start)?.line ?? { start, end: undefined }))
    this.#anchor = start
    this.#onChange()
  }

  #mark(place: LogPlace | undefined): void {
    // Told in any case: of a log that was opened anew the mark is gone, and its address is not.
    if (this.#source !== undefined) this.#onMark(this.#source.runId, place)
    if (this.#look.place === place) return
    this.#look.place = place
    this.#anchor = place?.start ?? 0
    this.lines.remark()
  }

  #reveal(offset: number): PlacedLine | undefined {
    const placed = this.lines.at(offset)
    if (placed !== undefined) reveal(placed.row, this.follow)
    return placed
  }

  #leave(): void {
    this.loading.leave()
    this.#held = undefined
  }

  #clear(): void {
    this.#queue = []
    this.notDrawn = 0
    this.lines.clear()
  }

  #detach(): void {
    this.#isAttached = false
    this.#queue = []
    this.lines.setPartial(undefined)
  }

  #load(read: () => Promise<Stretch>, then: (stretch: Stretch) => void): Promise<boolean | undefined> {
    return this.loading.read(read, (stretch) => keepPlace(this.lines, this.scroller, this.follow, () => then(stretch)))
  }

  /** As {@link #load}; where it reaches `end`, what came behind it meanwhile joins. */
  async #loadHolding(end: number, read: () => Promise<Stretch>, then: (stretch: Stretch) => void) {
    const held: Array<LogLine> = []
    this.#held = held
    const isThere = await this.#load(read, then)
    if (isThere === undefined) return undefined
    const isWhole = this.#held === held
    this.#held = undefined
    // Where nothing was read the lines may be the live ones, which have theirs.
    if (this.#isAttached || !isWhole || this.lines.last?.end !== end) return isThere
    this.#isAttached = true
    this.#queue = held
    this.schedule()
    return isThere
  }

  #prepend({ lines, kinds }: Stretch, before: number): void {
    this.lines.prepend(lines)
    this.lines.rekind(before, kinds)
    this.follow.stick()
  }

  /** Only the newest lines of the queue are ever drawn. */
  #shorten(): void {
    if (!this.follow.isFollowing) return this.#detach()
    const dropped = surplusOf(this.#queue)
    this.#queue.splice(0, dropped)
    this.notDrawn += dropped
    this.lines.clear()
  }

  #paint(): void {
    const until = performance.now() + paintMillis
    if (this.#isAttached) {
      const { isFollowing } = this.follow
      if (isFollowing && surplusOf(this.#queue) > 0) this.#shorten()
      // A reader who has paused keeps his lines: the new ones wait in the file.
      if (!isFollowing && this.#queue.length > 0 && this.lines.isFull) this.#detach()
      if (this.#flood.isOn && isFollowing)
        this.lines.append(this.#queue.splice(0, this.#queue.length - portionLines), false)
      do this.lines.append(this.#queue.splice(0, portionLines))
      while (this.#queue.length > 0 && performance.now() < until)
      if (isFollowing) {
        if (this.lines.trim("first")) this.notDrawn = 0
      } else if (this.lines.trim("last")) this.#detach()
      if (this.#queue.length > 0) this.schedule()
      else if (this.#isAttached) this.lines.setPartial(this.#source?.live.partial)
      this.follow.stick()
    }
    if (this.lines.isUndrawn) this.#flood.drawMissing(this, until)
    this.#onChange()
  }
}
