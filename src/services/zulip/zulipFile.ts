/** A file that the Zulip settings name. */
import { readFileSync, statSync } from "node:fs"
import { Result } from "effect"

/** A file's text and mode, or the code of the error. */
export const readZulipFile = (
  path: string
): Result.Result<{ readonly text: string; readonly mode: number }, string> => {
  try {
    return Result.succeed({ text: readFileSync(path, "utf8"), mode: statSync(path).mode })
  } catch (error) {
    return Result.fail((error as NodeJS.ErrnoException).code ?? "error")
  }
}
