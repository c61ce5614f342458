import { describe } from "vitest"
import { bandOf } from "./support/band.ts"
import { show } from "./support/show.ts"
import { type State, states } from "./support/states.ts"
import { expect, test } from "./support/test.ts"

describe("the band says what the reference says", () => {
  for (const [name, state] of Object.entries<State>(states)) {
    test(name, async ({ looper, open }) => {
      show(looper, state)
      const page = await open(looper.url, { nowMillis: state.nowMillis ?? looper.nowMillis ?? 0 })
      const { headline, sentence, buttons } = state.band
      await expect
        .poll(() => bandOf(page), { timeout: 5_000 })
        .toEqual({
          headline: typeof headline === "string" ? headline : expect.stringMatching(headline),
          sentence: typeof sentence === "string" ? sentence : expect.stringMatching(sentence),
          buttons
        })
    })
  }
})
