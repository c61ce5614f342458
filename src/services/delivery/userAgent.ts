/** How Looper names itself to a server; Zulip counts its clients by it. */

/** The version of package.json; a test compares them. */
const version = "0.1.0"

/** `Looper/<version> (<platform>; Node <version>)`. */
export const userAgent = `Looper/${version} (${process.platform}; Node ${process.versions.node})`
