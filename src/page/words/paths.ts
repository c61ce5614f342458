/** Paths as people write them. */

/** The home that Looper's own workspace lies in, if it does. */
const homeOf = (workspace: string): string | undefined =>
  /^(?:\/home\/[^/]+|\/Users\/[^/]+|\/root)(?=\/|$)/.exec(workspace)?.[0]

/** `~/src/other` for what lies in the home that the default workspace lies in. */
export const shortPath = (path: string, defaultWorkspace: string | undefined): string => {
  const home = defaultWorkspace === undefined ? undefined : homeOf(defaultWorkspace)
  if (home === undefined || (path !== home && !path.startsWith(`${home}/`))) return path
  return `~${path.slice(home.length)}`
}

/** The last part of a path that lies in the workspace: `prompts/default.md`. */
export const withinWorkspace = (path: string, workspace: string): string =>
  path.startsWith(`${workspace}/`) ? path.slice(workspace.length + 1) : shortPath(path, workspace)
