/** What a broken connection means: was the request provably never sent? */

/** An error of a socket, of name resolution or of TLS, as Node reports it. */
export interface Fault {
  readonly text: string
  readonly isUnsent: boolean
}

/**
 * Certificates that one side refused, and peers that speak no TLS. All come from the handshake: a server that refuses
 * the client's certificate reads no request, also where TLS 1.3 let the client write one already.
 */
const tlsCodes = new Set([
  "CERT_CHAIN_TOO_LONG",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_REJECTED",
  "CERT_REVOKED",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "HOSTNAME_MISMATCH",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "ERR_TLS_HANDSHAKE_TIMEOUT",
  "ERR_SSL_NO_PROTOCOLS_AVAILABLE",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
  "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE",
  "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE",
  "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED",
  "ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED",
  "ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN",
  "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
  "ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
  "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
  "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
  "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
  "ERR_SSL_TLSV1_UNRECOGNIZED_NAME",
  "ERR_SSL_UNSUPPORTED_PROTOCOL",
  "ERR_SSL_WRONG_VERSION_NUMBER"
])

/** A client's error hides its cause, several addresses hide it behind an `AggregateError`. */
export const rootOf = (cause: unknown): NodeJS.ErrnoException | undefined => {
  let error = cause
  for (let depth = 0; depth < 8 && error instanceof Error; depth++) {
    const inner = error.cause ?? (error instanceof AggregateError ? error.errors[0] : undefined)
    if (!(inner instanceof Error)) return error
    error = inner
  }
  return undefined
}

/**
 * The error's code; where a write met OpenSSL's own error, that one's.
 *
 * **Source** Node's TLSWrap fails such a write with `EPROTO` and OpenSSL's line: `…:SSL routines:<function>:<reason>:…`.
 */
const codeOf = ({ code = "", message }: NodeJS.ErrnoException): string => {
  const reason = code === "EPROTO" ? /:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1] : undefined
  return reason === undefined ? code : `ERR_SSL_${reason.toUpperCase().replaceAll(" ", "_")}`
}

/**
 * Names a transport failure; whatever is not provably before the request counts as sent.
 *
 * **Source** libuv's error names: `syscall` is `connect` or `getaddrinfo` only while there is no connection yet.
 */
export const faultOf = (cause: unknown): Fault => {
  const root = rootOf(cause)
  const code = root === undefined ? "" : codeOf(root)
  const isUnsent = root?.syscall === "connect" || root?.syscall === "getaddrinfo" || tlsCodes.has(code)
  const text = code.startsWith("ERR_SSL_") ? `TLS failed (${code})` : (root?.message.trim() ?? "connection failed")
  return { text, isUnsent }
}
