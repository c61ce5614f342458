import { join } from "node:path"
import { defineConfig } from "vitest/config"

interface Options {
  readonly fileParallelism?: boolean
  /** Files that share a worker start a second sooner each; for those that replace no module. */
  readonly isolate?: boolean
  /** Runs once before the project's files. */
  readonly globalSetup?: string
  /** How long `expect.poll` waits, and how often it looks, in milliseconds. */
  readonly expect?: { readonly poll: { readonly timeout: number; readonly interval: number } }
}

const project = (name: string, include: string, testTimeout: number, options: Options = {}) => ({
  test: { name, include: [include], testTimeout, hookTimeout: testTimeout, ...options }
})

/** CI counts the tests of every project from these. */
const { LOOPER_TEST_REPORTS: reports } = process.env
const name = process.argv[process.argv.indexOf("--project") + 1]

export default defineConfig({
  test: {
    // Most tests wait for processes: two at a time also where there are only two processors.
    maxWorkers: 2,
    reporters: reports === undefined ? ["default"] : ["default", "json"],
    ...(reports !== undefined && { outputFile: { json: join(reports, `${name}.json`) } }),
    projects: [
      project(
        "unit",
        "test/{cli,client,docs,doctor,domain,effects,handlers,runtime,services,testing}/**/*.test.ts",
        20_000,
        { isolate: false }
      ),
      // With a browser's globals, and timers that outlive a test.
      project("page", "test/page/**/*.test.ts", 20_000),
      project("live", "test/process/*.test.ts", 60_000, { isolate: false }),
      project("namespace", "test/process/namespace/*.test.ts", 60_000, { fileParallelism: false }),
      project("slow", "test/process/slow/*.test.ts", 180_000, { fileParallelism: false }),
      project("browser", "test/browser/*.test.ts", 60_000, {
        globalSetup: "test/browser/support/globalSetup.ts",
        expect: { poll: { timeout: 10_000, interval: 30 } }
      }),
      project("hostile", "test/hostile/*.test.ts", 900_000),
      project("real", "test/real/*.test.ts", 120_000, { fileParallelism: false }),
      project("package", "test/package/*.test.ts", 180_000)
    ]
  }
})
