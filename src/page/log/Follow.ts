/** Whether the view keeps to the end: at the end it follows, and only who moves away from it pauses it. */

/** Why the view does not keep to the end. */
export type PauseReason = "scrolling" | "finding" | "line"

/** So near to the end counts as there, in pixels. */
const nearPixels = 24

const upKeys = new Set(["ArrowUp", "PageUp", "Home"])

/** Watches one scroller. */
export class Follow {
  readonly #scroller: HTMLElement
  readonly #onChange: () => void
  /** What lies below the scroller's end is not in the page. */
  readonly #isWindow: () => boolean
  #pause: PauseReason | undefined
  #lastTop = 0
  #touchY = 0

  constructor(scroller: HTMLElement, options: { readonly onChange: () => void; readonly isWindow: () => boolean }) {
    this.#scroller = scroller
    this.#onChange = options.onChange
    this.#isWindow = options.isWindow
    const passive = { passive: true }
    scroller.addEventListener("scroll", () => this.#onScroll(), passive)
    scroller.addEventListener("wheel", ({ deltaY }) => deltaY < 0 && this.#onIntent(), passive)
    scroller.addEventListener("touchstart", ({ touches }) => (this.#touchY = touches[0]?.clientY ?? 0), passive)
    scroller.addEventListener(
      "touchmove",
      ({ touches }) => (touches[0]?.clientY ?? 0) > this.#touchY && this.#onIntent(),
      passive
    )
    scroller.addEventListener("keydown", (event) => {
      if (upKeys.has(event.key) || (event.key === " " && event.shiftKey)) this.#onIntent()
    })
    // Fonts, another width, wrapping: none of them is the reader's doing.
    new ResizeObserver(() => this.stick()).observe(scroller)
    document.fonts.ready.then(() => this.stick()).catch(() => undefined)
  }

  get isFollowing(): boolean {
    return this.#pause === undefined
  }

  /** Why it does not follow. */
  get reason(): PauseReason | undefined {
    return this.#pause
  }

  pause(reason: PauseReason): void {
    this.#set(reason)
  }

  /** Goes to the end and keeps to it. */
  resume(): void {
    this.#set(undefined)
    this.stick()
  }

  /** Keeps to the end, where it follows; to be called after every change of the content. */
  stick(): void {
    if (this.#pause === undefined) this.#scroller.scrollTop = this.#scroller.scrollHeight
    this.#lastTop = this.#scroller.scrollTop
  }

  #isAtEnd(): boolean {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller
    return scrollHeight - scrollTop - clientHeight < nearPixels
  }

  /** Before the view has moved at all: a smooth scroll begins with single pixels. */
  #onIntent(): void {
    if (this.#scroller.scrollTop > 0 && this.#pause === undefined) this.#set("scrolling")
  }

  #onScroll(): void {
    const { scrollTop } = this.#scroller
    const moved = scrollTop - this.#lastTop
    this.#lastTop = scrollTop
    if (this.#pause === undefined) {
      if (moved < -1 && !this.#isAtEnd()) this.#set("scrolling")
    } else if (moved > 0 && this.#isAtEnd() && !this.#isWindow()) this.#set(undefined)
  }

  #set(pause: PauseReason | undefined): void {
    if (this.#pause === pause) return
    this.#pause = pause
    this.#scroller.classList.toggle("paused", pause !== undefined)
    this.#onChange()
  }
}
