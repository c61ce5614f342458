/** GET /metrics: figures for Prometheus. */
import { Effect } from "effect"
import * as operation from "../effects/metrics.ts"
import { EmptyRequest } from "../src/domain/RunRequest.ts"
import { type Content, handler } from "../src/runtime/Handler.ts"

/** Changes nothing. */
export const metrics = handler({
  summary: "Metrics in Prometheus' text format",
  method: "GET",
  path: "/metrics",
  access: "token",
  request: EmptyRequest,
  success: { contents: { "text/plain": "The metrics of `docs/metrics.md`" } },
  errors: {},
  body: () =>
    Effect.map(
      operation.metrics(),
      (body): Content => ({
        headers: { "Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store" },
        body
      })
    )
})
