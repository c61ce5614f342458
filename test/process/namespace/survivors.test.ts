/** A process that Looper may not signal: it is reported, and nothing is launched over it. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { chmodSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { checkout } from "../../support/looperProcess.ts"
import { allPids, argvOf, isAlive, procStat, until } from "../../support/processes.ts"
import { Outsiders, requireOwnNamespace, startLooperBy } from "./outsiders.ts"
import { isPossible } from "../../support/possible.ts"

requireOwnNamespace()

const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] as const

/** Only root can become nobody, who must be able to read the checkout. */
const hasNobody = () => {
  const script = `require("fs").accessSync(${JSON.stringify(join(checkout, "src/main.ts"))})`
  return spawnSync(asNobody[0], [...asNobody.slice(1), process.execPath, "-e", script]).status === 0
}

const childrenOf = (pid: number) => allPids().filter((each) => procStat(each)?.ppid === pid && isAlive(each))
const isNobody = (pid: number) => /^Uid:\t65534\t65534\t/m.test(readFileSync(`/proc/${pid}/status`, "latin1"))

describe("a target's child that belongs to another user", () => {
  it.runIf(isPossible(hasNobody(), "setpriv and a checkout that nobody may read"))(
    "survives, is reported, and nothing is launched",
    async () => {
      using outsiders = new Outsiders()
      chmodSync(outsiders.folder, 0o755)
      await using looper = await startLooperBy(`chown -R 65534 "$TEST_FOLDER"; exec ${asNobody.join(" ")} "$@"`, {
        folder: outsiders.folder,
        env: { CODEX_EXEC_KILL_SCOPE: "all" }
      })
      assert.isTrue(isNobody(looper.pid))
      const program = `sleep 1000 & exec ${asNobody.join(" ")} "$0" exec hi`
      const target = await outsiders.start({ program: "sh", args: ["-c", program, outsiders.codex] })
      await until(() => argvOf(target.pid)[1] === outsiders.codex, "the target is a codex exec")
      const children = childrenOf(target.pid)
      assert.lengthOf(children, 1)

      const answer = await looper.run("p")
      assert.strictEqual(answer.status, 500, answer.text)
      assert.deepInclude(answer.body, {
        ok: false,
        code: "survivors_left",
        step: "kill",
        killed_codex_exec_pids: [target.pid],
        remaining_codex_exec_pids: children
      })
      assert.isFalse(target.lives())
      assert.isTrue(children.every(isAlive))
      assert.deepStrictEqual(looper.runLogs(), [])
      assert.deepStrictEqual(childrenOf(looper.pid), [])
      assert.strictEqual((await looper.request("GET", "/health")).status, 200)
    }
  )
})
