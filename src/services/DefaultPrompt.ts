/** The prompt of a run that names none. */
import { readFile } from "node:fs/promises"
import { Context, Effect, Layer } from "effect"
import { PromptUnusable } from "../domain/errors.ts"
import { promptProblem } from "../domain/prompt.ts"
import { builtInPrompt, LooperConfig, type LooperConfigShape } from "./config/LooperConfig.ts"

/** The configured prompt, or the file's text. */
export class DefaultPrompt extends Context.Service<
  DefaultPrompt,
  {
    /**
     * The text, trimmed; a file is read anew each time.
     *
     * **Errors** `PromptUnusable`: it cannot be read, or its text cannot be a prompt.
     */
    readonly read: Effect.Effect<string, PromptUnusable>
    /** `built-in`, `LOOPER_DEFAULT_PROMPT`, or the file that is read. */
    readonly source: string
  }
>()("looper/services/DefaultPrompt") {
  static readonly layerNoDeps = Layer.effect(
    DefaultPrompt,
    Effect.map(LooperConfig, ({ defaultPrompt }) =>
      DefaultPrompt.of({
        source: sourceOf(defaultPrompt),
        read: "text" in defaultPrompt ? Effect.succeed(defaultPrompt.text.trim()) : readPrompt(defaultPrompt.file)
      })
    )
  )
}

const sourceOf = (prompt: LooperConfigShape["defaultPrompt"]): string => {
  if ("file" in prompt) return prompt.file
  return prompt.text === builtInPrompt ? "built-in" : "LOOPER_DEFAULT_PROMPT"
}

const readPrompt = Effect.fnUntraced(function* (file: string): Effect.fn.Return<string, PromptUnusable> {
  const bytes = yield* Effect.tryPromise({
    try: () => readFile(file),
    catch: (error) =>
      new PromptUnusable({ source: file, reason: `cannot be read: ${(error as NodeJS.ErrnoException).code}` })
  })
  const text = yield* Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes).trim(),
    catch: () => new PromptUnusable({ source: file, reason: "is not UTF-8" })
  })
  const problem = promptProblem(text)
  return problem === undefined ? text : yield* new PromptUnusable({ source: file, reason: problem })
})
