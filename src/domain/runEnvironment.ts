/** What a run inherits from Looper's process environment: its user's variables, not Looper's and not npm's. */

/** Looper's process environment, and its folder. */
export interface EnvironmentOptions {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly root: string
}

/** {@link EnvironmentOptions} and what one run is told. */
export interface RunEnvironmentOptions extends EnvironmentOptions {
  readonly runId: string
  /** The loopback address that Looper really listens on; absent without a server. */
  readonly url: string | undefined
  /** The bearer with which the run may start the next one; absent where no token is set. */
  readonly ticket?: string | undefined
}

const binFolder = "/node_modules/.bin"

const isLoopers = (name: string): boolean => /^(?:LOOPER_|ZULIP_)|^(?:FORCE_COLOR|CLICOLOR_FORCE)$/.test(name)

const isNpms = (name: string, environment: EnvironmentOptions["environment"]): boolean =>
  /^npm_/i.test(name) ||
  name === "INIT_CWD" ||
  name === "COLOR" ||
  name === "PWD" ||
  (name === "NODE" && environment.NODE === environment.npm_node_execpath) ||
  (name === "EDITOR" && environment.EDITOR === "vi")

/** The length of the block that one npm put in front: bin folders up to its own `node-gyp-bin`. */
const npmBlockLength = (entries: ReadonlyArray<string>): number => {
  const end = entries.findIndex((entry) => !entry.endsWith(binFolder))
  return entries[end]?.endsWith("/node-gyp-bin") ? end + 1 : 0
}

/** PATH without the leading entries that npm (nested ones too), or else another package manager, added. */
const userPath = (path: string, root: string): string => {
  let entries: ReadonlyArray<string> = path.split(":")
  let length = npmBlockLength(entries)
  if (length === 0) {
    const ancestors = `${root}/`
    const isAdded = (entry: string) =>
      entry.endsWith(binFolder) && ancestors.startsWith(`${entry.slice(0, -binFolder.length)}/`)
    length = entries.findIndex((entry) => !isAdded(entry))
    return (length < 0 ? [] : entries.slice(length)).join(":")
  }
  for (; length > 0; length = npmBlockLength(entries)) entries = entries.slice(length)
  return entries.join(":")
}

/**
 * The environment of Looper's user, in which `codex` and its tools are looked up.
 *
 * **Details** Without `LOOPER_*`, `ZULIP_*` and what forces colours into a log. Where npm started Looper
 * (`npm_lifecycle_event` is set), also without what npm adds: its variables and the leading block of PATH.
 * PWD goes too: npm rewrites it.
 */
export const userEnvironment = ({ environment, root }: EnvironmentOptions): Record<string, string> => {
  const isFromNpm = (environment.npm_lifecycle_event ?? "") !== ""
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || isLoopers(name) || (isFromNpm && isNpms(name, environment))) continue
    kept[name] = value
  }
  if (isFromNpm && kept.PATH !== undefined) {
    const path = userPath(kept.PATH, root)
    // An empty PATH would mean the working directory.
    if (path === "") delete kept.PATH
    else kept.PATH = path
  }
  return kept
}

/** The environment of one run: its user's, its marker, and the way back to Looper. */
export const runEnvironment = ({
  environment,
  root,
  runId,
  url,
  ticket
}: RunEnvironmentOptions): Record<string, string> => ({
  ...userEnvironment({ environment, root }),
  LOOPER_RUN_ID: runId,
  ...(url === undefined ? {} : { LOOPER_URL: url }),
  ...(ticket === undefined ? {} : { LOOPER_RUN_TICKET: ticket })
})
