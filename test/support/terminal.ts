/** A real terminal: a tmux server of its own with one pane, in which bash runs. */
import { execFileSync, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { until } from "./processes.ts"

/** Is tmux there? */
export const hasTmux = (): boolean => spawnSync("tmux", ["-V"]).status === 0

export interface Terminal extends Disposable {
  /** Types a line and Enter. */
  type(line: string): void
  /** Presses a key by tmux' name, such as `C-c`. */
  press(key: string): void
  /** What is on the screen, colours as sequences where asked for. */
  screen(options?: { readonly hasColors: boolean }): string
  resize(columns: number): void
  /** Waits until the screen shows it. */
  shows(pattern: RegExp): Promise<RegExpExecArray>
  /** Clears the screen and asks for the terminal's modes, as `stty -g` tells them. */
  modes(): Promise<string>
}

/** Opens a terminal of 80 columns and 24 lines. */
export const openTerminal = (env: Readonly<Record<string, string | undefined>>): Terminal => {
  const folder = mkdtempSync(join(tmpdir(), "looper-terminal-"))
  mkdirSync(join(folder, "sockets"), { mode: 0o700 })
  const environment = {
    ...env,
    TMUX_TMPDIR: join(folder, "sockets"),
    TERM: "xterm-256color",
    PS1: "$ ",
    LC_ALL: "C.UTF-8"
  }
  const tmux = (...args: ReadonlyArray<string>): string =>
    execFileSync("tmux", ["-f", "/dev/null", ...args], { env: environment, encoding: "utf8" })
  tmux("new-session", "-d", "-x", "80", "-y", "24", "bash --norc --noprofile")
  const screen: Terminal["screen"] = ({ hasColors } = { hasColors: false }) =>
    // Lines that wrap are one; their rest is blanks.
    tmux("capture-pane", "-p", "-J", ...(hasColors ? ["-e"] : [])).replaceAll(/ +$/gm, "")
  const type = (line: string) => {
    tmux("send-keys", "-l", line)
    tmux("send-keys", "Enter")
  }
  const shows = async (pattern: RegExp) => {
    try {
      return await until(() => pattern.exec(screen()) ?? undefined, `the terminal shows ${pattern}`)
    } catch (error) {
      throw new Error(`${(error as Error).message}; it shows:\n${screen()}`, { cause: error })
    }
  }
  return {
    type,
    press: (key) => void tmux("send-keys", key),
    screen,
    resize: (columns) => void tmux("resize-window", "-x", String(columns), "-y", "24"),
    shows,
    modes: async () => {
      type("clear; stty -g")
      return (await shows(/^[0-9a-f]+(:[0-9a-f]+){9,}$/m))[0]
    },
    [Symbol.dispose]: () => {
      tmux("kill-server")
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
