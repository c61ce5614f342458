/** The log folder's names, of which there may be 100,000. */
import { type Dir, opendirSync } from "node:fs"
import { isUnfinishedJournal, logOfJournal, logOfSideFile, requestIdOfRunLog } from "../../domain/runLog.ts"

/** The runs that have files in the folder. */
export interface FoundRuns {
  /** Of those that have a log. */
  readonly ids: Set<string>
  /** Names, in their order. */
  readonly sideFiles: ReadonlyArray<string>
}

const namesATurn = 8_192

/** The names in a folder in no order, which `readdir` would take longer to make; none where it cannot be read. */
export function* namesIn(folder: string): Generator<string> {
  let names: Dir | undefined
  try {
    names = opendirSync(folder, { bufferSize: namesATurn })
    for (let entry = names.readSync(); entry !== null; entry = names.readSync()) yield entry.name
  } catch {
    // What was read so far is there.
  } finally {
    names?.closeSync()
  }
}

/** Looks at each name of the log folder once; journals are mirrors', also those that were never finished. */
export const readFolderNames = (logDir: string): FoundRuns & { readonly journals: ReadonlyArray<string> } => {
  const ids = new Set<string>()
  const sideFiles: Array<string> = []
  const journals: Array<string> = []
  for (const name of namesIn(logDir)) {
    const id = requestIdOfRunLog(name)
    if (id !== undefined) ids.add(id)
    else if (logOfSideFile(name) !== undefined) sideFiles.push(name)
    else if (logOfJournal(name) !== undefined || isUnfinishedJournal(name)) journals.push(name)
  }
  return { ids, sideFiles: sideFiles.toSorted(), journals }
}
