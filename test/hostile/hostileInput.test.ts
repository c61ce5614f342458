/** A hundred thousand hostile requests, from a grammar and changed at random: each gets its documented answer, nothing is left. */
import { assert, describe, it } from "@effect/vitest"
import { closeSync, openSync } from "node:fs"
import { afterAll, beforeAll } from "vitest"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { attack, enter, openBook } from "../support/hostileAttack.ts"
import { forgedRecord } from "../support/hostileBodies.ts"
import { type HostileConnection, openHostile } from "../support/hostileConnection.ts"
import { readLog } from "../support/hostileLog.ts"
import { type Holdings, type InspectedLooper, isAtRest, startInspectedLooper } from "../support/insideLooper.ts"
import { until } from "../support/processes.ts"
import { runOf } from "../support/residentLooper.ts"

const seed = Number(process.env.LOOPER_HOSTILE_SEED ?? 1)
const requests = Number(process.env.LOOPER_HOSTILE_REQUESTS ?? 100_000)
/** Caches, compiled code and pools are full after these. */
const warmUpRequests = 3_000
const idleConnections = 500
/** What one request may leave, on the average: a leaked socket, answer or fiber costs more than a kilobyte. */
const maxLeftBytes = 256
/** V8's own housekeeping, whatever the number of requests. */
const maxNoiseBytes = 4 * 1024 * 1024

let house: InspectedLooper
let stdout: number
beforeAll(async () => {
  stdout = openSync("/dev/null", "a")
  house = await startInspectedLooper({ stdout })
})
afterAll(async () => {
  await house?.[Symbol.asyncDispose]()
  closeSync(stdout)
})

const beginnings = [
  "",
  "GET /hea",
  "GET /health HTTP/1.1\r\nHost: localhost\r\n",
  'POST /notify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n{"zulip',
  "POST /nope HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"
]

/** Connections that say half of something, again as soon as Looper has enough of them; at their end all are closed. */
const holdIdle = (port: number, book: ReturnType<typeof openBook>) => {
  let isOver = false
  const open = new Set<HostileConnection>()
  const hold = async (n: number) => {
    while (!isOver) {
      const connection = await openHostile(port)
      open.add(connection)
      connection.socket.write(beginnings[n % beginnings.length] ?? "")
      await connection.closed
      open.delete(connection)
      while (connection.rest().length > 0 && !isOver) {
        const answer = await connection.next(false)
        if (answer?.status !== 408 && answer?.status !== 404) throw new Error(`an idle connection got ${answer?.text}`)
        enter(book, answer)
      }
    }
  }
  const all = Promise.all(Array.from({ length: idleConnections }, (_, n) => hold(n)))
  return {
    all,
    end: async () => {
      isOver = true
      for (const { socket } of open) socket.destroy()
      await all
    }
  }
}

/** Valid requests all the while: what Looper is for goes on, with the right answers. */
const useLooper = async (isOver: () => boolean) => {
  const { looper } = house
  const ids: Array<string> = []
  let old: unknown
  const start = async () => {
    const answer = await looper.run(codexScript([{ print: `${forgedRecord}\n` }, { hang: true }]))
    assert.strictEqual(answer.status, 200, answer.text)
    assert.deepStrictEqual(answer.body?.killed_codex_exec_pids, old === undefined ? [] : [old])
    old = runOf(answer).pid
    ids.push(String(answer.body?.request_id))
  }
  do {
    await start()
    const health = await looper.request("GET", "/health")
    assert.deepStrictEqual([health.status, health.text], [200, '{"ok":true}\n'])
    const alive = await looper.request("POST", "/spawn", { body: { codex_prompt: "p" } })
    assert.deepStrictEqual([alive.status, alive.body?.code, alive.body?.pids], [409, "run_alive", [old]])
  } while (!isOver())
  const kill = await looper.request("POST", "/kill")
  assert.deepStrictEqual([kill.status, kill.body?.killed_codex_exec_pids], [200, [old]])
  return ids
}

/** Hostile requests, idle connections and good requests at once; afterwards all is closed. */
const storm = async (book: ReturnType<typeof openBook>, count: number) => {
  let isOver = false
  const { port } = house.looper
  const idle = holdIdle(port, book)
  const used = useLooper(() => isOver)
  const attacked = attack({ port, seed, requests: count, connections: 8, book }).finally(() => (isOver = true))
  // What fails first is told.
  await Promise.race([attacked, used.then(() => attacked), idle.all.then(() => attacked)]).finally(idle.end)
  return await used
}

/** As it is once the last connection is forgotten. */
const atRest = async (): Promise<Holdings> =>
  until(
    async () => {
      const found = await house.look()
      return isAtRest(found) && found
    },
    "no connection, file request or process is left",
    60_000
  )

describe(`${requests} hostile requests (LOOPER_HOSTILE_REQUESTS) of seed ${seed} (LOOPER_HOSTILE_SEED)`, () => {
  const book = openBook()
  const runs: Array<string> = []
  it("are answered as documented, while good ones are served as ever, and leave no descriptor, handle or memory", async () => {
    runs.push(...(await storm(book, warmUpRequests)))
    const before = await atRest()
    runs.push(...(await storm(book, requests)))
    const after = await atRest()
    assert.deepStrictEqual(after.descriptors, before.descriptors)
    assert.deepStrictEqual(after.handles, before.handles)
    assert.deepStrictEqual(after.listeners, before.listeners)
    const left = after.heapBytes + after.bufferBytes - before.heapBytes - before.bufferBytes
    console.log(
      `${book.sent} requests of ${book.shapes.size} shapes, ${runs.length} runs; ${left} bytes more than before`
    )
    assert.isBelow(left, requests * maxLeftBytes + maxNoiseBytes)
    assert.isAbove(book.sent, requests)
  })

  it("are in the log, each that reached the app with its start and its end, and forge nothing", async () => {
    const found = await readLog(house.looper.serverLogPath, book, (line) => line === ` ${forgedRecord}`)
    assert.deepStrictEqual(found.strange.slice(0, 5), [])
    assert.deepStrictEqual(found.unpaired.slice(0, 5), [])
    assert.deepStrictEqual(found.spawned, runs)
    assert.lengthOf(house.looper.runLogs(), runs.length)
    assert.isAbove(found.requests, requests / 2)
  })
})
