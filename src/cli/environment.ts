/** What the command line takes from its process: Looper's folder and the environment. */
import { root } from "../root.ts"

/** Where the configuration comes from. */
export const source = { root, environment: process.env }

/** A terminal that may be coloured; nothing that is set forces colour into a pipe. */
export const hasColor = (
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>> = process.env
): boolean => stream.isTTY === true && !environment["NO_COLOR"] && environment["TERM"] !== "dumb"
