/** The file beside a run log that tells how far its mirror is, and where its last batch went. */
import { closeSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs"
import { encodeIntent, type MirrorIntent, parseIntent } from "../../domain/mirrorIntent.ts"
import { unfinishedJournalOf } from "../../domain/runLog.ts"

/** What a journal tells; `damaged` when somebody cut or overwrote it, or the machine lost power. */
export const readJournal = (file: string): MirrorIntent | "missing" | "damaged" => {
  try {
    return parseIntent(readFileSync(file, "latin1")) ?? "damaged"
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "missing" : "damaged"
  }
}

/** Stores an intent in place where no mirror has the journal open; what cannot be stored is not. */
export const storeIntent = (file: string, intent: MirrorIntent): void => {
  try {
    const fd = openSync(file, "r+")
    try {
      writeSync(fd, encodeIntent(intent), 0, "latin1")
    } finally {
      closeSync(fd)
    }
  } catch {
    // The next crash repeats or loses a part of one batch; nothing may wait for this.
  }
}

/** Makes a journal, or one in the place of a damaged one, without a moment in which it is cut. */
export const replaceJournal = (file: string, intent: MirrorIntent): void => {
  const fresh = unfinishedJournalOf(file)
  writeFileSync(fresh, encodeIntent(intent), { mode: 0o600 })
  renameSync(fresh, file)
}

/**
 * A journal that is open for its mirror's life.
 *
 * **Details** One write at offset 0 replaces the record: SIGKILL does not tear it, because the kernel copies so few
 * bytes of one page in one go. Nothing is synced: it covers the death of Looper, not of the machine.
 */
export class MirrorJournal {
  private readonly file: string
  private fd: number | undefined
  /** Why the last intent could not be stored. */
  failure: string | undefined

  constructor(file: string) {
    this.file = file
    this.fd = openSync(file, "r+")
  }

  /** Throws where no space is left: then the batch must wait, too. Another failure is remembered. */
  store(intent: MirrorIntent): void {
    // The number of a closed one may name somebody else's file.
    if (this.fd === undefined) return storeIntent(this.file, intent)
    try {
      writeSync(this.fd, encodeIntent(intent), 0, "latin1")
      this.failure = undefined
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === "ENOSPC" || code === "EDQUOT") throw error
      this.failure = message
    }
  }

  /** The rest of an interrupted batch may still have to go elsewhere. */
  close(): void {
    if (this.fd !== undefined) closeSync(this.fd)
    this.fd = undefined
  }
}
