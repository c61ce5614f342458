import { defineConfig } from "vitest/config"

const project = (name: string, include: ReadonlyArray<string>, testTimeout: number) => ({
  test: { name, include: [...include], testTimeout, hookTimeout: testTimeout }
})

export default defineConfig({
  test: {
    projects: [
      project("unit", ["test/{domain,services,effects,handlers,runtime,testing}/**/*.test.ts"], 20_000),
      project("live", ["test/process/*.test.ts"], 60_000),
      project("namespace", ["test/process/namespace/*.test.ts"], 60_000),
      project("real", ["test/real/*.test.ts"], 120_000)
    ]
  }
})
