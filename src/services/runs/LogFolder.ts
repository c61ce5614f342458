/** What stands in the log folder when Looper starts, where there may be 100,000 logs: it is read once. */
import { type Dir, opendirSync } from "node:fs"
import { Context, Effect, Layer } from "effect"
import { isUnfinishedJournal, logOfJournal, logOfSideFile, requestIdOfRunLog } from "../../domain/runLog.ts"
import { LooperConfig } from "../config/LooperConfig.ts"

/** Files of an earlier Looper's runs, by their names. */
export class LogFolder extends Context.Service<
  LogFolder,
  {
    /** Ids of the runs that have a log. */
    readonly ids: ReadonlySet<string>
    /** Sorted. */
    readonly sideFiles: ReadonlyArray<string>
    /** Mirrors' journals, also those that were never finished. */
    readonly journals: ReadonlyArray<string>
  }
>()("looper/services/runs/LogFolder") {
  /** Read when the layer is built, under the folder's lock; a folder that cannot be read has nothing. */
  static readonly layerNoDeps = Layer.effect(
    LogFolder,
    Effect.map(LooperConfig, ({ logDir }) => read(logDir))
  )
}

const read = (logDir: string): LogFolder["Service"] => {
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
