/** Draws the ids of requests and runs. */
import { randomUUID } from "node:crypto"
import { Context, Effect, Layer } from "effect"
import type { RequestId } from "../domain/RequestId.ts"
import { RunRecords } from "./records/RunRecords.ts"
import { RunLogs } from "./runs/RunLogs.ts"

/** Ids that no run in the folder or the history has. */
export class RequestIds extends Context.Service<
  RequestIds,
  {
    /** 8 hex digits after `prefix`, drawn again while a log or a record of that run exists. */
    readonly draw: (prefix?: "auto") => RequestId
  }
>()("looper/services/RequestIds") {
  static readonly layerNoDeps = Layer.effect(
    RequestIds,
    Effect.gen(function* () {
      const runLogs = yield* RunLogs
      const records = yield* RunRecords
      const draw = (prefix: "auto" | "" = ""): RequestId => {
        // Node draws for many of them at once; these digits are random, all of them.
        const id = `${prefix}${randomUUID().slice(0, 8)}`
        return runLogs.has(id) || records.has(id) ? draw(prefix) : id
      }
      return RequestIds.of({ draw })
    })
  )
}
