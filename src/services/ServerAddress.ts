/** Where Looper's own HTTP server can be reached from this machine, once it listens. */
import { Context, Layer } from "effect"

/** The address that runs are given as `LOOPER_URL`. */
export class ServerAddress extends Context.Service<
  ServerAddress,
  {
    readonly set: (url: string) => void
    /** `undefined` without a server, as in a program that composes the operations itself. */
    readonly get: () => string | undefined
  }
>()("looper/services/ServerAddress") {
  static readonly layer = Layer.sync(ServerAddress, () => {
    let url: string | undefined
    return ServerAddress.of({ set: (bound) => void (url = bound), get: () => url })
  })
}
