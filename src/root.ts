/** Looper's folder. */
import * as path from "node:path"

/** The folder of `package.json`; built, this file lies a folder deeper below it. */
export const checkout = path.resolve(import.meta.dirname, import.meta.filename.endsWith(".ts") ? ".." : "../..")

/** The checkout, or the working directory where Looper is an installed package; absolute. */
export const root = checkout.includes(`${path.sep}node_modules${path.sep}`) ? process.cwd() : checkout
