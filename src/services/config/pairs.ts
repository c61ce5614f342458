/** OpenTelemetry's lists of pairs. */

/** `key=value,key=value` with percent-encoded values; `undefined` where it is not that. */
export const pairsOf = (text: string): ReadonlyArray<readonly [string, string]> | undefined => {
  const found: Array<readonly [string, string]> = []
  for (const part of text.split(",").filter((part) => part.trim() !== "")) {
    const equals = part.indexOf("=")
    const key = part.slice(0, equals).trim()
    if (equals < 0 || !/^[!#$%&'*+.^_`|~\w-]+$/.test(key)) return undefined
    try {
      found.push([key, decodeURIComponent(part.slice(equals + 1).trim())])
    } catch {
      return undefined
    }
  }
  return found
}
