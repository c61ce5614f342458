/** Where a run's codex keeps its files, and what they and its command line set. */
import { readFileSync } from "node:fs"
import { homedir } from "node:os"
import * as path from "node:path"
import { userEnvironment } from "../domain/runEnvironment.ts"
import { absolutePath } from "../services/config/configTable.ts"
import type { LooperConfigShape } from "../services/config/LooperConfig.ts"
import { codexOptions } from "./codexOptions.ts"
import { codexSettings, type Settings, type SettingsFile } from "./codexSettings.ts"
import { realPath } from "./paths.ts"

/** The environment of a run but for its marker. */
export const runsEnvironment = ({ environment, root }: LooperConfigShape): Readonly<Record<string, string>> =>
  userEnvironment({ environment, root })

/**
 * `CODEX_HOME`, else `~/.codex`; `isNamed` where the variable is set: codex then does not make the folder.
 *
 * **Details** A relative one counts from the workspace, where codex is started.
 */
export const codexHome = (config: LooperConfigShape): { readonly path: string; readonly isNamed: boolean } => {
  const { CODEX_HOME: named, HOME: home } = runsEnvironment(config)
  if (named) return { path: path.resolve(defaultWorkspace(config), named), isNamed: true }
  return { path: path.join(home || homedir(), ".codex"), isNamed: false }
}

/** The default workspace, absolute. */
export const defaultWorkspace = ({ root, defaultWorkspace: given }: LooperConfigShape): string =>
  absolutePath(root, given)

/** The text of a file; undefined where there is none, an error in words where it cannot be read. */
const read = (file: string): SettingsFile => {
  try {
    return { path: file, text: readFileSync(file, "utf8") }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === "ENOENT" || code === "ENOTDIR") return { path: file, text: undefined }
    throw new Error(`${file} cannot be read (${code})`, { cause: error })
  }
}

/** The settings of a run in the default workspace. */
export const readCodexSettings = (config: LooperConfigShape): Settings => {
  const asked = codexOptions(config.extraArguments)
  const home = codexHome(config).path
  const workspace = defaultWorkspace(config)
  return codexSettings({
    asked,
    workspaces: [workspace, realPath(workspace)],
    files: {
      user: read(path.join(home, "config.toml")),
      profile: asked.profile === undefined ? undefined : read(path.join(home, `${asked.profile}.config.toml`)),
      project: read(path.join(workspace, ".codex/config.toml"))
    }
  })
}
