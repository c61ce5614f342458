/** The response that node-server writes at once: of another it reads the body as a stream first. */
import { getRequestListener } from "@hono/node-server"

/** Looper may run inside somebody's process: there the globals that node-server would replace stay as they are. */
const ownResponse = (): typeof Response => {
  const names = ["Request", "Response"] as const
  const globals = names.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const)
  getRequestListener(() => new Response())
  const own = globalThis.Response
  for (const [name, descriptor] of globals) {
    if (descriptor !== undefined) Object.defineProperty(globalThis, name, descriptor)
  }
  return own
}

/** `Response` with a body that is there as a whole. */
export const NodeResponse = ownResponse()
