/** The certificates of a connection to Zulip: whom to trust, and what to show. */
import { createPrivateKey, X509Certificate } from "node:crypto"
import { createSecureContext } from "node:tls"
import { Redacted, Result } from "effect"
import { readZulipFile } from "./zulipFile.ts"

/** The only authorities to trust. */
export interface CertBundle {
  readonly path: string
  readonly pem: string
}

/** What the client shows to a server that asks for it. */
export interface ClientCertificate {
  readonly pem: string
  readonly key: Redacted.Redacted<string>
}

const readPem = (path: string, what: string): Result.Result<string, string> =>
  Result.mapBoth(readZulipFile(path), {
    onFailure: (code) => `the ${what} of ${path} cannot be read (${code})`,
    onSuccess: ({ text }) => text
  })

/** Node says what is wrong with a PEM text by throwing, and quotes nothing of it. */
const isUsable = (use: () => unknown): boolean => {
  try {
    use()
    return true
  } catch {
    return false
  }
}

const isBundle = (pem: string): boolean =>
  pem.includes("-----BEGIN CERTIFICATE-----") && isUsable(() => createSecureContext({ ca: pem }))

/** The authorities in a file, or a sentence about it. */
export const readBundle = (path: string): Result.Result<CertBundle, string> =>
  Result.flatMap(readPem(path, "certificates"), (pem) =>
    isBundle(pem) ? Result.succeed({ path, pem }) : Result.fail(`${path} holds no certificates`)
  )

const belong = (
  certPath: string,
  pem: string,
  keyPath: string,
  key: string
): Result.Result<ClientCertificate, string> => {
  if (!isUsable(() => new X509Certificate(pem))) return Result.fail(`${certPath} holds no client certificate`)
  if (!isUsable(() => createPrivateKey(key))) {
    return Result.fail(`${keyPath} holds no private key that can be read without a passphrase`)
  }
  return isUsable(() => createSecureContext({ cert: pem, key }))
    ? Result.succeed({ pem, key: Redacted.make(key) })
    : Result.fail(`the private key of ${keyPath} does not belong to the client certificate of ${certPath}`)
}

/**
 * A client certificate and its key, or a sentence about what is wrong with them, which shows neither.
 *
 * **Details** Without `keyPath` the key is in the certificate's file.
 *
 * **Source** `client_cert` and `client_cert_key` of Zulip's own Python client.
 */
export const readClientCertificate = (
  certPath: string | undefined,
  keyPath = certPath
): Result.Result<ClientCertificate | undefined, string> => {
  if (keyPath === undefined) return Result.succeed(undefined)
  if (certPath === undefined)
    return Result.fail(`the private key ${keyPath} has no client certificate: ZULIP_CERT or client_cert`)
  return Result.flatMap(readPem(certPath, "client certificate"), (pem) =>
    Result.flatMap(readPem(keyPath, "private key"), (key) => belong(certPath, pem, keyPath, key))
  )
}
