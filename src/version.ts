/** Looper's own version, from the one place that has it. */
import manifest from "looper/package.json" with { type: "json" }

/** As in `package.json`. */
export const { version } = manifest
