import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { escapeControls } from "../../src/domain/escapeControls.ts"
import {
  logOfSideFile,
  parseSideFile,
  type RunIdentity,
  requestIdOfRunLog,
  runLogHeader,
  runLogName,
  runLogTrailer,
  sideFileIdentity,
  sideFileOf,
  sideFileStart,
  trailerStart
} from "../../src/domain/runLog.ts"

const startedAt = new Date(2026, 1, 3, 4, 5, 6)
const identity: RunIdentity = {
  requestId: "0a1b2c3d",
  bootId: "b",
  supervisor: { pid: 10, startTicks: 11 },
  codex: { pid: 12, startTicks: 13 },
  workspace: '/w "x"\n0\ndone',
  startedAtMillis: 1.5
}
const nothing = { identity: undefined, returnCode: undefined, hasTrailer: false }

describe("a run log's name", () => {
  it("holds the local time, filled up with zeros, and the id", () =>
    assert.strictEqual(runLogName({ requestId: "0a1b2c3d", startedAt }), "codex-exec-20260203-040506-0a1b2c3d.log"))

  it("gives the id back, an autopoll tick's too", () => {
    for (const requestId of ["0a1b2c3d", "auto0a1b2c3d"]) {
      assert.strictEqual(requestIdOfRunLog(runLogName({ requestId, startedAt })), requestId)
    }
  })

  it("is told apart from every other file's", () => {
    const others = [
      "",
      "codex-exec-20260203-040506-0a1b2c3d.state",
      "codex-exec-20260203-040506-0a1b2c3d.log.gz",
      "codex-exec-20260203-040506-0a1b2c3.log",
      "codex-exec-20260203-040506-0A1B2C3D.log",
      "codex-exec-20260203-040506-auto.log",
      "codex-exec-20260203-0a1b2c3d.log",
      "x-codex-exec-20260203-040506-0a1b2c3d.log",
      "looper-server.log"
    ]
    assert.deepStrictEqual(
      others.map(requestIdOfRunLog),
      others.map(() => undefined)
    )
  })

  it("leads to its side file's and back", () => {
    const name = runLogName({ requestId: "0a1b2c3d", startedAt })
    assert.strictEqual(sideFileOf(`/x.log/${name}`), "/x.log/codex-exec-20260203-040506-0a1b2c3d.state")
    assert.strictEqual(logOfSideFile(sideFileOf(name)), name)
    assert.isUndefined(logOfSideFile(name))
    assert.isUndefined(logOfSideFile("looper.state"))
  })
})

describe("a run log's header and trailer", () => {
  it("are the documented lines", () => {
    assert.strictEqual(
      runLogHeader({ requestId: "0a1b2c3d", workspace: "/w", command: "codex exec 'a b'" }),
      "# looper_request_id=0a1b2c3d\n# workspace=/w\n# command=codex exec 'a b'\n\n"
    )
    assert.strictEqual(runLogTrailer(143), "\n# codex_exec_return_code=143\n")
    assert.strictEqual(runLogTrailer("unknown"), "\n# codex_exec_return_code=unknown\n")
    assert.isTrue(runLogTrailer(0).startsWith(trailerStart))
  })

  it("keeps a workspace with control characters on its line", () =>
    assert.strictEqual(
      runLogHeader({ requestId: "0a1b2c3d", workspace: "/w\n# command=x", command: "c" }),
      "# looper_request_id=0a1b2c3d\n# workspace=/w\\n# command=x\n# command=c\n\n"
    ))
})

describe("escapeControls", () => {
  it("names each control character and each separator of lines", () =>
    assert.strictEqual(
      escapeControls("a\n\r\t\0\u001b\u007f\u0085\u009f\u2028\u2029é😀\\"),
      "a\\n\\r\\t\\x00\\x1b\\x7f\\x85\\x9f\\u2028\\u2029é😀\\"
    ))

  it.prop("makes one line of anything and leaves all else as it is", [Schema.String], ([text]) => {
    const escaped = escapeControls(text)
    assert.notMatch(escaped, /[\p{Cc}\u2028\u2029]/u)
    if (!/[\p{Cc}\u2028\u2029]/u.test(text)) assert.strictEqual(escaped, text)
  })
})

describe("a side file", () => {
  const whole = `${sideFileStart}${sideFileIdentity(identity)}7\ndone\n`

  it("tells who the run is, its code and that its trailer stands, as far as it was written", () => {
    assert.deepStrictEqual(parseSideFile(""), nothing)
    assert.deepStrictEqual(parseSideFile(sideFileStart), nothing)
    assert.deepStrictEqual(parseSideFile(sideFileStart + sideFileIdentity(identity)), { ...nothing, identity })
    assert.deepStrictEqual(parseSideFile(`${sideFileStart}143\n`), { ...nothing, returnCode: 143 })
    assert.deepStrictEqual(parseSideFile(whole), { identity, returnCode: 7, hasTrailer: true })
  })

  it("keeps its lines apart, whatever the workspace is called", () =>
    assert.strictEqual(sideFileIdentity(identity).split("\n").length, 2))

  it("says nothing by a line that was cut, at whichever byte", () => {
    const firstLines = sideFileStart.length + sideFileIdentity(identity).length
    for (let length = 0; length < whole.length; length++) {
      const side = parseSideFile(whole.slice(0, length))
      assert.strictEqual(side.identity !== undefined, length >= firstLines, `${length}`)
      assert.strictEqual(side.returnCode, length >= firstLines + 2 ? 7 : undefined, `${length}`)
      assert.isFalse(side.hasTrailer)
    }
  })

  it("says who the run is only where the line is whole and of the right form", () => {
    for (const line of ["{", "{}", '{"requestId":"x"}', sideFileIdentity(identity).replace("12", '"12"').trim()]) {
      assert.deepStrictEqual(parseSideFile(`starting\n${line}\n0\n`), { ...nothing, returnCode: 0 }, line)
    }
  })

  it("takes only a number of up to three digits for a code", () => {
    for (const line of ["", "-1", "1000", "1.5", " 1", "0x1", "unknown"]) {
      assert.deepStrictEqual(parseSideFile(`starting\n${line}\n`), nothing, line)
    }
  })
})
