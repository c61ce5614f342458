/** The machine's own Chromium: none is ever downloaded. */
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import { type BrowserServer, chromium } from "playwright-core"

const names = ["chromium", "chromium-browser"]

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** `LOOPER_TEST_CHROMIUM`, or Debian's `chromium` from `PATH`; `undefined` where there is none. */
export const findChromium = (): string | undefined => {
  const { LOOPER_TEST_CHROMIUM: named, PATH = "" } = process.env
  if (named !== undefined && named !== "") return isExecutable(named) ? named : undefined
  return PATH.split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find(isExecutable)
}

/** Headless, for every test file of the suite. Root has no sandbox; what is loaded is Looper's own page. */
export const launchChromium = (executablePath: string): Promise<BrowserServer> =>
  chromium.launchServer({
    executablePath,
    headless: true,
    args: [
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      "--disable-dev-shm-usage",
      "--js-flags=--expose-gc",
      "--enable-precise-memory-info"
    ]
  })
