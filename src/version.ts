/** Looper's own version, from the one place that has it. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { checkout } from "./root.ts"

// An import of the file would make the build copy it into dist, where it would be a package of its own.
const manifest: { readonly version: string } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8"))

/** As in `package.json`. */
export const { version } = manifest
