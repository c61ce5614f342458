/** Which run `/` shows. */
import type { Run } from "../api/answers.ts"
import { endedLast } from "../words/runWords.ts"
import type { PageState } from "./PageState.ts"

/** The one being started, the one that lives, the one that ended last: a start that was refused hides no other run. */
export const newestRun = ({ status, recent }: Pick<PageState, "status" | "recent">): Run | undefined => {
  const [latest] = recent
  return latest?.state === "starting" ? latest : (status?.run ?? endedLast(recent) ?? latest)
}
