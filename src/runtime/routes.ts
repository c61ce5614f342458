/** Which handler a path belongs to. */
import type { Handler, Handlers } from "./Handler.ts"

/** A handler and its name. */
export interface Route<R> {
  readonly name: string
  readonly handler: Handler<R>
}

/** Names of the path's `:name` segments. */
export const pathFields = (path: string): ReadonlyArray<string> =>
  [...path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? "")

/** The handlers of a path, whatever their method, as Hono would find them. */
export const routesOf = <R>(handlers: Handlers<R>): ((path: string) => ReadonlyArray<Route<R>>) => {
  const routes = Object.entries(handlers).map(([name, handler]) => ({
    name,
    handler,
    pattern: new RegExp(`^${handler.path.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/:\w+/g, "[^/]+")}$`)
  }))
  return (path) => routes.filter(({ pattern }) => pattern.test(path))
}
