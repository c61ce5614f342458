// The least that a Hono service on node-server is: one route that answers what Looper's does.
import { serve } from "@hono/node-server"
import { Hono } from "hono"

const app = new Hono()
app.get("/health", (context) => context.json({ ok: true }))
serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => {
  process.stdout.write(`listening url=http://127.0.0.1:${port}\n`)
})
