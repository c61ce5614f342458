/** How far a live run's mirror is. */
import { journalOf } from "../../domain/runLog.ts"
import { readJournal } from "../mirror/MirrorJournal.ts"

/** Bytes of the run log that stand in the server log, or are being written to it; 0 where its mirror has not begun. */
export const mirroredBytes = (logPath: string): number => {
  const stored = readJournal(journalOf(logPath))
  return typeof stored === "string" ? 0 : stored.to
}
