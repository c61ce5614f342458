/** Where the running Looper is and what it is told to let this caller in. */
import { join } from "node:path"
import { ConfigProvider, Effect, Redacted } from "effect"
import { configTable, readText } from "../services/config/configTable.ts"
import { anyText, ConfigInvalid, type Kind, optional } from "../services/config/configValue.ts"
import { failed, exitCodes, type CommandFailed } from "./exitCodes.ts"

/** A running Looper; without a token only its own machine is answered. */
export interface Connection {
  readonly url: string
  readonly token: Redacted.Redacted | undefined
}

const address: Kind<string> = {
  allowed: "an http or https address without user, password, ? and #",
  decode: (text) => {
    const url = URL.parse(text.trim())
    if (url === null || !/^https?:$/.test(url.protocol)) return undefined
    return [url.username, url.password, url.search, url.hash].join("") === "" ? url.href.replace(/\/+$/, "") : undefined
  }
}

const addressVariable = optional({ names: ["LOOPER_URL"], kind: address, about: "" })
const ticketVariable = optional({ names: ["LOOPER_RUN_TICKET"], kind: anyText, about: "" })

/**
 * Reads where Looper is: `LOOPER_URL`, else what `LOOPER_HOST` and `LOOPER_PORT` say.
 *
 * **Details** From the environment over the `.env` of the root, which need not be readable for this caller. The token
 * is `LOOPER_API_TOKEN`, else inside of a run its ticket.
 *
 * **Errors** `CommandFailed` with exit code 2: names the variable, its value and what is allowed.
 */
export const readConnection = (source: {
  readonly root: string
  readonly environment: Readonly<Record<string, string | undefined>>
}): Effect.Effect<Connection, CommandFailed> => {
  const table = configTable(source.root)
  const provider = ConfigProvider.orElse(
    ConfigProvider.fromEnvRecord(source.environment),
    ConfigProvider.fromDotEnvContents(readText(join(source.root, ".env")) ?? "")
  )
  const read = Effect.gen(function* () {
    const url = yield* addressVariable.read
    const token = yield* table.apiToken.read
    const ticket = yield* ticketVariable.read
    return {
      url: url ?? localUrl(yield* table.host.read, yield* nonZero(yield* table.port.read)),
      token: token ?? (ticket === undefined ? undefined : Redacted.make(ticket))
    }
  })
  return read.pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, provider),
    Effect.mapError((error) => failed(exitCodes.usage, error.message))
  )
}

/** Where any port is right, nobody knows which one was taken. */
const nonZero = (port: number): Effect.Effect<number, ConfigInvalid> => {
  const allowed = "its address; LOOPER_PORT is 0, which takes any port"
  return port === 0
    ? Effect.fail(new ConfigInvalid({ variable: "LOOPER_URL", value: "", allowed }))
    : Effect.succeed(port)
}

/** One that listens on every address is reached on loopback. */
const localUrl = (host: string, port: number): string => {
  const reached = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host
  return `http://${reached.includes(":") ? `[${reached}]` : reached}:${port}`
}
