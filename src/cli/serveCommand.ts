/** `looper serve` behind the command line's parser; alone on the command line it is started without. */
import { Effect } from "effect"
import { serve } from "../serve.ts"

/** Serves; the server's own exit ends the process. */
export const serveNow: Effect.Effect<never> = Effect.uninterruptible(Effect.andThen(Effect.sync(serve), Effect.never))
