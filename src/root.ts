/** Looper's folder. */
import * as path from "node:path"

/** Built, this file lies a folder deeper. */
const checkout = path.resolve(import.meta.dirname, import.meta.filename.endsWith(".ts") ? ".." : "../..")

/** The checkout, or the working directory where Looper is an installed package; absolute. */
export const root = checkout.includes(`${path.sep}node_modules${path.sep}`) ? process.cwd() : checkout
