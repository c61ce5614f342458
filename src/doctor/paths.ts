/** Questions about paths: what lies in what, and who may read it. */
import { realpathSync, statSync } from "node:fs"
import * as path from "node:path"

/** A path without links, as far as it exists. */
export const realPath = (file: string): string => {
  try {
    return realpathSync(file)
  } catch {
    const folder = path.dirname(file)
    return folder === file ? file : path.join(realPath(folder), path.basename(file))
  }
}

/** Is `file` this folder or below it, links followed? */
export const isWithin = (file: string, folder: string): boolean => {
  const way = path.relative(realPath(folder), realPath(file))
  return way === "" || (way !== ".." && !way.startsWith(`..${path.sep}`) && !path.isAbsolute(way))
}

/** A path itself and every folder above it, the path first. */
const upwards = (file: string): ReadonlyArray<string> => {
  const folder = path.dirname(file)
  return folder === file ? [file] : [file, ...upwards(folder)]
}

/** Permission bits; undefined where there is nothing. */
export const modeOf = (file: string): number | undefined => statSync(file, { throwIfNoEntry: false })?.mode

/** For everybody: to list a folder or read a file; to go through a folder. */
const readBit = 0o004
const passBit = 0o001

/**
 * May every user of this machine read what is there, by the modes of it and of the folders above it?
 *
 * **Details** A folder that may only be passed through counts: names in it can be known. Groups do not count: many
 * systems give each user one of its own. Nor do access control lists.
 */
export const isOpenToOthers = (file: string): boolean => {
  const [self = file, ...above] = upwards(realPath(file))
  const stat = statSync(self, { throwIfNoEntry: false })
  if (stat === undefined) return false
  const bits = stat.isDirectory() ? readBit | passBit : readBit
  return (stat.mode & bits) !== 0 && above.every((folder) => ((modeOf(folder) ?? 0) & passBit) !== 0)
}

/** The nearest folder at or above a path that exists. */
export const nearestFolder = (folder: string): string =>
  upwards(folder).find((one) => statSync(one, { throwIfNoEntry: false })?.isDirectory()) ?? path.parse(folder).root

/**
 * The first of the places that the agent may write and that holds this path, in words.
 *
 * **Source** codex' header of a run: `sandbox: workspace-write [workdir, /tmp, $TMPDIR]`.
 */
export const agentPlace = (
  file: string,
  places: { readonly workspace: string | undefined; readonly temporary: string | undefined }
): string | undefined => {
  const { workspace, temporary } = places
  if (workspace !== undefined && isWithin(file, workspace)) return `the workspace ${workspace}`
  if (isWithin(file, "/tmp")) return "/tmp"
  return temporary !== undefined && isWithin(file, temporary) ? `$TMPDIR (${temporary})` : undefined
}
