/** What Prometheus' own checker says of a scrape, of the alert rules and of the dashboard's expressions. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { checkout, startLooper } from "../../support/looperProcess.ts"
import { until } from "../../support/processes.ts"
import { seriesOf } from "../../support/scrape.ts"

const promtool = (words: ReadonlyArray<string>, input = "") => {
  const { error, status, stdout, stderr } = spawnSync("promtool", words, { input, encoding: "utf8" })
  if (error !== undefined) assert.fail("promtool is missing: apt-get install prometheus")
  assert.strictEqual(status, 0, `promtool ${words.join(" ")}: ${stdout}${stderr}`)
  return `${stdout}${stderr}`
}

const ended = (text: string) => seriesOf(text).get('looper_runs_ended_total{state="succeeded",cause="exited"}')

describe("promtool", () => {
  it("finds nothing to say of a scrape of a Looper that has worked", async () => {
    await using looper = await startLooper()
    await looper.run(codexScript([{ hang: true }]))
    await looper.run(codexScript([{ print: "second" }]))
    await looper.request("POST", "/autopoll/tick")
    await looper.request("GET", "/no/such")
    const scrape = async () => (await looper.request("GET", "/metrics")).text
    await until(async () => (ended(await scrape()) ?? 0) >= 1, "a run has ended")
    const text = await scrape()
    assert.strictEqual(seriesOf(text).get('looper_runs_ended_total{state="stopped",cause="replacement"}'), 1)
    assert.strictEqual(promtool(["check", "metrics"], text), "")
  })

  it("accepts the alert rules", () => {
    assert.include(promtool(["check", "rules", join(checkout, "docs/alerts.yml")]), "SUCCESS")
  })

  it("accepts every expression of the dashboard", () => {
    const dashboard = JSON.parse(readFileSync(join(checkout, "docs/grafana-dashboard.json"), "utf8"))
    const expressions: ReadonlyArray<string> = dashboard.panels.flatMap(
      (panel: { targets: ReadonlyArray<{ expr: string }> }) => panel.targets.map(({ expr }) => expr)
    )
    const rules = expressions.map((expr, index) => ({
      record: `panel:expression_${index}`,
      expr: expr.replaceAll(/\$__\w+/g, "5m")
    }))
    const folder = mkdtempSync(join(tmpdir(), "looper-dashboard-"))
    try {
      const file = join(folder, "rules.yml")
      // JSON is YAML.
      writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }))
      assert.include(promtool(["check", "rules", file]), `${rules.length} rules found`)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
