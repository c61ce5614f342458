import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { DoctorReport, doctorExitCode, renderDoctorReport } from "../../src/doctor/DoctorReport.ts"

const report: DoctorReport = {
  ok: false,
  checks: [
    { name: "node", outcome: "ok", found: "Node 24" },
    { name: "codex_home", outcome: "warning", found: "it is open", remedy: "close it" },
    { name: "port", outcome: "failure", found: "taken", remedy: "choose another" }
  ]
}

describe("a doctor's report", () => {
  it("as text has aligned columns, remedies below their lines, and a count", () => {
    assert.strictEqual(
      renderDoctorReport(report),
      [
        "ok       node        Node 24",
        "warning  codex_home  it is open",
        "                     → close it",
        "failure  port        taken",
        "                     → choose another",
        "1 ok, 1 warning, 1 failure",
        ""
      ].join("\n")
    )
    assert.strictEqual(renderDoctorReport({ ok: true, checks: [] }), "0 ok, 0 warnings, 0 failures\n")
  })

  it("in colour is the same text with the outcomes painted", () => {
    const text = renderDoctorReport(report, { color: true })
    assert.include(text, "\u001b[33mwarning\u001b[0m  codex_home  it is open\n")
    const plain = ["\u001b[31m", "\u001b[32m", "\u001b[33m", "\u001b[0m"].reduce(
      (left, code) => left.replaceAll(code, ""),
      text
    )
    assert.strictEqual(plain, renderDoctorReport(report))
  })

  it("as data survives JSON", () => {
    const json = JSON.stringify(Schema.encodeSync(DoctorReport)(report))
    assert.deepStrictEqual(Schema.decodeUnknownSync(DoctorReport)(JSON.parse(json)), report)
  })

  it("is a failure of the command where one check failed, for warnings not", () => {
    assert.strictEqual(doctorExitCode(report), 1)
    assert.strictEqual(doctorExitCode({ ok: true, checks: report.checks.slice(0, 2) }), 0)
  })
})
