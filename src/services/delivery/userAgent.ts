/** How Looper names itself to a server; Zulip counts its clients by it. */
import { version } from "../../version.ts"

/** `Looper/<version> (<platform>; Node <version>)`. */
export const userAgent = `Looper/${version} (${process.platform}; Node ${process.versions.node})`
