/** Where a Zulip server's API is, from its site as people write it. */
import { Result } from "effect"

const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i

/** Names of this machine, where a development server speaks plain HTTP. */
const isLoopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?(\/|$)/i

const plainSite = "ZULIP_SITE must be a plain address such as https://example.zulipchat.com"

/**
 * The API's address, without a slash at its end.
 *
 * **Details** Without a scheme a site is https, this machine http. A slash, `/api` or `/api/v1` at the end may
 * stand.
 */
export const zulipApiUrl = (site: string): Result.Result<string, string> => {
  const text = site.trim()
  const scheme = isLoopback.test(text) ? "http" : "https"
  const url = URL.parse(hasScheme.test(text) ? text : `${scheme}://${text}`)
  const isWeb = url?.protocol === "https:" || url?.protocol === "http:"
  if (url === null || !isWeb || url.username + url.password + url.search + url.hash !== "") {
    return Result.fail(plainSite)
  }
  const path = url.pathname.replace(/\/+$/, "").replace(/\/api(\/v1)?$/, "")
  return Result.succeed(`${url.origin}${path}/api/v1`)
}
