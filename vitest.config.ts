import { join } from "node:path"
import { defineConfig } from "vitest/config"

const project = (name: string, include: string, testTimeout: number, options: { fileParallelism?: boolean } = {}) => ({
  test: { name, include: [include], testTimeout, hookTimeout: testTimeout, ...options }
})

/** CI counts the tests of every project from these. */
const { LOOPER_TEST_REPORTS: reports } = process.env
const name = process.argv[process.argv.indexOf("--project") + 1]

export default defineConfig({
  test: {
    reporters: reports === undefined ? ["default"] : ["default", "json"],
    ...(reports !== undefined && { outputFile: { json: join(reports, `${name}.json`) } }),
    projects: [
      project("unit", "test/{docs,domain,effects,handlers,runtime,services,testing}/**/*.test.ts", 20_000),
      project("live", "test/process/*.test.ts", 60_000),
      project("namespace", "test/process/namespace/*.test.ts", 60_000, { fileParallelism: false }),
      project("real", "test/real/*.test.ts", 120_000)
    ]
  }
})
