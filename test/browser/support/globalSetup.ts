/** Once for the suite: the page is built, and one Chromium is started. */
import { execFileSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { join, resolve } from "node:path"
import type { TestProject } from "vitest/node"
import { findChromium, launchChromium } from "./chromium.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** Where the suite's Chromium is driven; `undefined`: this machine has none. */
    readonly chromiumEndpoint: string | undefined
    /** Where screenshots go. */
    readonly artefacts: string
  }
}

const checkout = resolve(import.meta.dirname, "../../..")

export default async (project: TestProject): Promise<(() => Promise<void>) | undefined> => {
  const artefacts = resolve(process.env.LOOPER_TEST_ARTEFACTS ?? join(checkout, "test-artefacts"))
  project.provide("artefacts", artefacts)
  const executable = findChromium()
  if (executable === undefined) {
    project.provide("chromiumEndpoint", undefined)
    process.stdout.write("browser tests are skipped: no chromium on PATH (apt-get install chromium)\n")
    return undefined
  }
  execFileSync(process.execPath, [join(checkout, "scripts/buildPage.ts")], { stdio: ["ignore", "ignore", "inherit"] })
  mkdirSync(artefacts, { recursive: true })
  const server = await launchChromium(executable)
  project.provide("chromiumEndpoint", server.wsEndpoint())
  return () => server.close()
}
