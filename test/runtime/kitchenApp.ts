/** The app of every handler and one more, which is defined here and nowhere else. */
import { Effect, Fiber, Layer, Schema } from "effect"
import { handlers } from "../../handlers/index.ts"
import { makeApp } from "../../src/runtime/app.ts"
import { type Handlers, handler } from "../../src/runtime/Handler.ts"
import { LooperConfig } from "../../src/services/config/LooperConfig.ts"
import { RequestIds } from "../../src/services/RequestIds.ts"
import { StoredAnswers } from "../../src/services/records/StoredAnswers.ts"
import { RunTickets } from "../../src/services/runs/RunTickets.ts"
import { Shutdown } from "../../src/services/Shutdown.ts"
import { makeLogs } from "../services/zulip/sending.ts"

export class NotEnoughSalt extends Schema.TaggedError<NotEnoughSalt>()("NotEnoughSalt", { grams: Schema.Number }) {
  override get message(): string {
    return `salt is short by ${this.grams} g, says s3cret`
  }
}
export class KitchenBusy extends Schema.TaggedError<KitchenBusy>()("KitchenBusy", {}) {
  override get message(): string {
    return "busy"
  }
}

/** What one more handler does with a dish. */
type Cook = (dish: string, requestId: string) => Effect.Effect<number, NotEnoughSalt | KitchenBusy>

const cookWith = (cook: Cook) =>
  handler({
    summary: "Cooks a dish",
    method: "POST",
    path: "/cook",
    access: "tokenOrTicket",
    request: Schema.Struct({ dish: Schema.String, recipe: Schema.optionalKey(Schema.String) }),
    programFields: ["recipe"],
    success: Schema.Struct({ minutes: Schema.NumberFromString }),
    body: ({ dish }, { requestId }) =>
      Effect.gen(function* () {
        return { minutes: yield* cook(dish, requestId) }
      }),
    errors: {
      NotEnoughSalt: {
        status: 500,
        about: "nothing was cooked",
        fields: {
          schema: Schema.Struct({ step: Schema.String, grams: Schema.Number }),
          of: ({ grams }: NotEnoughSalt) => ({ step: "season", grams })
        }
      },
      KitchenBusy: { status: 409, about: "somebody cooks" }
    }
  })

/** Two handlers of one path: anybody may read the menu, the cook alone writes it. */
const menuOf = (method: "GET" | "POST") =>
  handler({
    summary: "The menu",
    method,
    path: "/menu",
    access: method === "GET" ? "public" : "token",
    request: Schema.Struct({}),
    isBodyOptional: true,
    success: Schema.Struct({}),
    errors: {},
    body: () => Effect.succeed({})
  })
const menu = { readMenu: menuOf("GET"), writeMenu: menuOf("POST") }

const layerWith = (environment: Readonly<Record<string, string>>, storedAnswers: StoredAnswers["Service"]) => {
  let drawn = 0
  return Layer.mergeAll(
    Shutdown.layerNoDeps,
    Layer.succeed(StoredAnswers, storedAnswers),
    Layer.succeed(RequestIds, { draw: () => (drawn += 1).toString(16).padStart(8, "0") }),
    Layer.succeed(RunTickets, { issue: () => undefined, isValid: (ticket) => ticket === "ticket" })
  ).pipe(Layer.provideMerge(Layer.orDie(LooperConfig.layer({ root: "/", environment }))))
}

/** What is sent, and by whom. */
export interface Sent extends RequestInit {
  readonly headers?: Record<string, string>
  /** The address of the socket; undefined where there is none. */
  readonly peer?: string | undefined
  /** Names and values of the header's fields as the parser read them. */
  readonly rawHeaders?: Array<string>
}

/** More than the kitchen. */
interface Extension {
  readonly handlers?: Handlers<never>
  readonly storedAnswers?: StoredAnswers["Service"]
}

/** Opens the app in a Looper with this environment; its fibers log into `logs`. */
export const openApp = (
  cook: Cook = () => Effect.succeed(7),
  environment: Readonly<Record<string, string>> = {},
  { handlers: more = {}, storedAnswers = { once: () => Effect.die("no key came") } }: Extension = {}
) =>
  Effect.gen(function* () {
    const logs = makeLogs()
    const fibers = new Set<Fiber.Fiber<unknown, unknown>>()
    const app = yield* makeApp<never>({
      handlers: { ...(handlers as unknown as Handlers<never>), cook: cookWith(cook), ...menu, ...more },
      runExit: (program, { annotations = {}, signal }) => {
        const fiber = Effect.runFork(Effect.provide(Effect.annotateLogs(program, annotations), logs.layer), { signal })
        fibers.add(fiber)
        return fiber.pollUnsafe() ?? Effect.runPromise(Fiber.await(fiber))
      }
    })
    const request = (path: string, { peer = "127.0.0.1", rawHeaders, ...init }: Sent = {}) =>
      Effect.promise(async () => {
        const sent = { ...init, headers: { host: "localhost", ...init.headers } }
        const incoming = { socket: { remoteAddress: peer }, ...(rawHeaders && { rawHeaders }) }
        const response = await app.request(path, sent, { incoming })
        const text = await response.text()
        const body: Record<string, unknown> = text === "" ? {} : JSON.parse(text)
        return { status: response.status, headers: response.headers, text, body }
      })
    return {
      request,
      fetch: app.fetch,
      post: (body: unknown, { headers, ...init }: Sent = {}) =>
        request("/cook", {
          method: "POST",
          body: JSON.stringify(body),
          headers: { "content-type": "application/json", ...headers },
          ...init
        }),
      logs,
      shutdown: yield* Shutdown,
      interruptAll: Effect.suspend(() => Fiber.interruptAll(fibers))
    }
  }).pipe(Effect.provide(layerWith(environment, storedAnswers)))

export const dish = { dish: "soup" }

export const shown = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

export const secret = { LOOPER_API_TOKEN: "s3cret" }
