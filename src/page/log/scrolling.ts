/** Moves the view so that a reader keeps, or finds, what he reads. */
import type { Follow } from "./Follow.ts"

/** Puts a line into the middle. */
export const reveal = (row: Element, follow: Follow): void => {
  const scroll = () => {
    row.scrollIntoView({ block: "center", inline: "nearest" })
    follow.stick()
  }
  scroll()
  // What was only estimated above it has its size by then.
  requestAnimationFrame(() => {
    if (!follow.isFollowing && row.isConnected) scroll()
  })
}

/** Changes the lines so that the one at the top of the view stays where it is. */
export const keepPlace = (
  row: Element | undefined,
  scroller: HTMLElement,
  follow: Follow,
  change: () => void
): void => {
  const top = row?.getBoundingClientRect().top ?? 0
  change()
  if (!follow.isFollowing && row?.isConnected === true) scroller.scrollTop += row.getBoundingClientRect().top - top
  follow.stick()
}
