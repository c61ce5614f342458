/** Who sends to which Zulip server: the variables over a section of the zuliprc. */
import { Option, Redacted, Result } from "effect"
import { escapeControls } from "../../domain/escapeControls.ts"
import { absolutePath } from "../config/configTable.ts"
import { type CertBundle, type ClientCertificate, readBundle, readClientCertificate } from "./zulipCertificates.ts"
import { readZulipFile } from "./zulipFile.ts"
import { parseZuliprc } from "./zuliprc.ts"

/** What is configured, complete or not; nothing of it has been asked of the server. */
export interface ZulipCredentials {
  readonly site: string | undefined
  readonly botEmail: string | undefined
  readonly botApiKey: Redacted.Redacted<string> | undefined
  /** The only authorities to trust; undefined: Node's own list. */
  readonly certBundle: CertBundle | undefined
  /** What is shown to a server that asks for it. */
  readonly clientCertificate: ClientCertificate | undefined
  /** No certificate is checked. */
  readonly isInsecure: boolean
  /** The file that was read, which is only where a variable is missing. */
  readonly zuliprc:
    | { readonly path: string; readonly profile: string; readonly isReadableByOthers: boolean }
    | undefined
  /** Why nothing can be sent, beside what is missing: a file that cannot be read or used. */
  readonly problem: string | undefined
}

/** What the variables say. */
export interface GivenCredentials {
  readonly root: string
  readonly site: string | undefined
  readonly botEmail: string | undefined
  readonly botApiKey: Redacted.Redacted<string> | undefined
  readonly zuliprcPath: string
  readonly profile: string
  readonly certBundlePath: string | undefined
  readonly certPath: string | undefined
  readonly certKeyPath: string | undefined
  readonly isInsecure: boolean | undefined
}

/** Resolves the credentials once; a file changed later counts from the next start. */
export const zulipCredentials = (given: GivenCredentials): ZulipCredentials => {
  const isComplete = given.site !== undefined && given.botEmail !== undefined && given.botApiKey !== undefined
  const file = isComplete ? Result.succeed(undefined) : readProfile(given)
  const profile = Result.getOrElse(file, () => undefined)
  const option = (name: string): string | undefined => profile?.options.get(name) || undefined
  const key = option("key")
  const insecure =
    given.isInsecure === undefined ? truth(profile?.path, option("insecure")) : Result.succeed(given.isInsecure)
  const path = (variable: string | undefined, name: string): string | undefined => {
    const text = variable ?? option(name)
    return text === undefined ? undefined : absolutePath(given.root, text)
  }
  const bundlePath = path(given.certBundlePath, "cert_bundle")
  const bundle = bundlePath === undefined ? Result.succeed(undefined) : readBundle(bundlePath)
  const certificate = readClientCertificate(
    path(given.certPath, "client_cert"),
    path(given.certKeyPath, "client_cert_key")
  )
  const failures = [file, insecure, bundle, certificate].map((result: Result.Result<unknown, string>) =>
    Result.getFailure(result)
  )
  const problems = failures.flatMap((failure) => Option.toArray(failure))
  return {
    site: given.site ?? option("site"),
    botEmail: given.botEmail ?? option("email"),
    botApiKey: given.botApiKey ?? (key === undefined ? undefined : Redacted.make(key)),
    certBundle: Result.getOrElse(bundle, () => undefined),
    clientCertificate: Result.getOrElse(certificate, () => undefined),
    isInsecure: Result.getOrElse(insecure, () => false),
    zuliprc: profile && { path: profile.path, profile: given.profile, isReadableByOthers: profile.isReadableByOthers },
    problem: problems.length === 0 ? undefined : problems.join("; ")
  }
}

interface Profile {
  readonly path: string
  readonly isReadableByOthers: boolean
  readonly options: ReadonlyMap<string, string>
}

/** The section of the file; nothing where the default file is not there. */
const readProfile = (given: GivenCredentials): Result.Result<Profile | undefined, string> => {
  const { zuliprcPath: path, profile, root } = given
  const file = readZulipFile(path)
  if (Result.isFailure(file)) {
    const isAbsent = file.failure === "ENOENT"
    if (isAbsent && path === absolutePath(root, "~/.zuliprc")) return Result.succeed(undefined)
    return Result.fail(isAbsent ? `the zuliprc ${path} does not exist` : `${path} cannot be read (${file.failure})`)
  }
  const isReadableByOthers = (file.success.mode & 0o044) !== 0
  return Result.flatMap(
    Result.mapError(parseZuliprc(file.success.text), (problem) => `${path}, ${escapeControls(problem)}`),
    (sections): Result.Result<Profile, string> => {
      const options = sections.get(profile)
      const names = [...sections.keys()].map((name) => `[${name}]`).join(", ")
      return options === undefined
        ? Result.fail(escapeControls(`${path} has no section [${profile}] (ZULIP_PROFILE), it has ${names || "none"}`))
        : Result.succeed({ path, isReadableByOthers, options })
    }
  )
}

/** As strict as Zulip's own client: a slip must not switch the check off. */
const truth = (path: string | undefined, text = "false"): Result.Result<boolean, string> => {
  const word = text.toLowerCase()
  return word === "true" || word === "false"
    ? Result.succeed(word === "true")
    : Result.fail(`insecure in ${path} must be true or false`)
}
