/** Looper's own version, from the one place that has it. */
import { createRequire } from "node:module"

// An import of the file would make the build copy it into dist, where it would be a package of its own.
const manifest: { readonly version: string } = createRequire(import.meta.url)("looper/package.json")

/** As in `package.json`, which is the nearest one above this file, also of the built one. */
export const { version } = manifest
