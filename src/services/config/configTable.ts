/** Every variable of Looper's configuration, in the order of its documentation. */
import { readFileSync } from "node:fs"
import { homedir } from "node:os"
import * as path from "node:path"
import { days, httpUrl, logLevel, notices, pairs, prompt, seconds, truth, words } from "./configKinds.ts"
import { anyText, flag, integer, type Kind, list, oneOf, optional, secret, variable } from "./configValue.ts"

/** An absolute path: `~` is the home folder, anything relative lies below `root`. */
export const absolutePath = (root: string, text: string): string => {
  const isHome = text === "~" || text.startsWith("~/")
  return path.resolve(root, isHome ? path.join(homedir(), text.slice(1)) : text)
}

/** A file's text, where it can be read. */
export const readText = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

/** The table for a Looper in `root`. */
export const configTable = (root: string) => {
  const file: Kind<string> = { allowed: "a path", decode: (value) => absolutePath(root, value) }
  const readFile = (name: string) => readText(absolutePath(root, name))
  return {
    host: variable({
      names: ["LOOPER_HOST"],
      kind: anyText,
      fallback: "0.0.0.0",
      about: "Address to listen on. Whatever it is, only this machine is answered unless a token is set"
    }),
    port: variable({
      names: ["LOOPER_PORT"],
      kind: integer(65_535),
      fallback: "3456",
      about: "Port to listen on; `0` takes any"
    }),
    apiToken: secret({
      names: ["LOOPER_API_TOKEN"],
      readFile,
      about: "Token that every route but `/health` then asks for"
    }),
    allowedHosts: variable({
      names: ["LOOPER_ALLOWED_HOSTS"],
      kind: list,
      fallback: "",
      about: "Further names in `Host` and `Origin`: `host` or `host:port`, separated by commas"
    }),
    isRemoteAllowedWithoutToken: variable({
      names: ["LOOPER_ALLOW_UNAUTHENTICATED_REMOTE"],
      kind: flag,
      fallback: "0",
      about: "Answers remote peers without a token, except for what chooses a program"
    }),
    logLevel: variable({
      names: ["LOOPER_LOG_LEVEL"],
      kind: logLevel,
      fallback: "DEBUG",
      about: "Least level of records; run output is mirrored at any"
    }),
    logFormat: variable({
      names: ["LOOPER_LOG_FORMAT"],
      kind: oneOf("text", "json"),
      fallback: "text",
      about: "Records and mirrored lines as text, or as one JSON object a line"
    }),
    serverLogPath: variable({
      names: ["LOOPER_SERVER_LOG_PATH"],
      kind: file,
      fallback: "logs/looper-server.log",
      about: "Looper's own log"
    }),
    logDir: variable({
      names: ["CODEX_EXEC_LOG_DIR"],
      kind: file,
      fallback: "logs",
      about: "Folder of the run logs; one Looper a folder"
    }),
    minFreeBytes: variable({
      names: ["LOOPER_MIN_FREE_BYTES"],
      kind: integer(Number.MAX_SAFE_INTEGER),
      fallback: "67108864",
      about: "Free space in the log folder without which no run starts; `0` = off"
    }),
    retentionRuns: variable({
      names: ["LOOPER_LOG_RETENTION_RUNS"],
      kind: integer(Number.MAX_SAFE_INTEGER),
      fallback: "0",
      about: "Logs of so many ended runs are kept, the newest; `0` = all"
    }),
    retentionDays: variable({
      names: ["LOOPER_LOG_RETENTION_DAYS"],
      kind: days,
      fallback: "0",
      about: "Logs of runs that ended longer ago are removed; `0` = never"
    }),
    retentionBytes: variable({
      names: ["LOOPER_LOG_RETENTION_BYTES"],
      kind: integer(Number.MAX_SAFE_INTEGER),
      fallback: "0",
      about: "The oldest logs of ended runs are removed while all of them are larger; `0` = never"
    }),
    shutdownGraceSeconds: variable({
      names: ["LOOPER_SHUTDOWN_GRACE_SECONDS"],
      kind: seconds({ maximum: 3_600, isZeroAllowed: false }),
      fallback: "10",
      about: "How long stopping may take, runs included"
    }),
    onShutdown: variable({
      names: ["LOOPER_ON_SHUTDOWN"],
      kind: oneOf("stop", "leave"),
      fallback: "stop",
      about: "What becomes of a live run when Looper stops; `leave`: it goes on, and the next Looper adopts it"
    }),
    codexBinary: optional({
      names: ["CODEX_EXEC_BINARY"],
      kind: anyText,
      about: "Path or name of codex; unset: a build below `./codex`, else `codex` on `PATH`"
    }),
    extraArguments: variable({
      names: ["CODEX_EXEC_EXTRA_ARGS"],
      kind: words,
      fallback: "",
      about: "Words put before the prompt, such as `-m <model>`"
    }),
    delaySeconds: variable({
      names: ["CODEX_EXEC_DELAY_SECONDS", "PROMPT_SEND_DELAY_SECONDS"],
      kind: seconds({ maximum: 86_400, isZeroAllowed: true }),
      fallback: "1",
      about: "Wait between stop and launch"
    }),
    startupCheckSeconds: variable({
      names: ["CODEX_EXEC_STARTUP_CHECK_SECONDS"],
      kind: seconds({ maximum: 3_600, isZeroAllowed: true }),
      fallback: "1",
      about: "How long codex must live to count as started"
    }),
    maxSeconds: variable({
      names: ["CODEX_EXEC_MAX_SECONDS"],
      kind: seconds({ maximum: Number.MAX_SAFE_INTEGER, isZeroAllowed: true }),
      fallback: "0",
      about: "A run that lasts longer is stopped; `0` = off"
    }),
    maxSilentSeconds: variable({
      names: ["CODEX_EXEC_MAX_SILENT_SECONDS"],
      kind: seconds({ maximum: Number.MAX_SAFE_INTEGER, isZeroAllowed: true }),
      fallback: "0",
      about: "A run that writes nothing for longer is stopped; `0` = off"
    }),
    maxLogBytes: variable({
      names: ["CODEX_EXEC_MAX_LOG_BYTES"],
      kind: integer(Number.MAX_SAFE_INTEGER),
      fallback: "0",
      about: "A run that writes more is stopped; `0` = off"
    }),
    killScope: variable({
      names: ["CODEX_EXEC_KILL_SCOPE"],
      kind: oneOf("all", "workspace", "own"),
      fallback: "all",
      about: "Targets: every `codex exec`, those in the same workspace, or Looper's own"
    }),
    defaultWorkspace: variable({
      names: ["LOOPER_DEFAULT_WORKSPACE"],
      kind: anyText,
      fallback: "/home/bepis/Documents/verifycad/VerusCAD/",
      about: "Workspace of a run that names none"
    }),
    defaultPromptText: optional({
      names: ["LOOPER_DEFAULT_PROMPT"],
      kind: prompt,
      about: "Prompt of a run that names none; unset: a built-in text that continues the repository's current task"
    }),
    defaultPromptFile: optional({
      names: ["LOOPER_DEFAULT_PROMPT_FILE"],
      kind: file,
      about: "The same from a file that is read at each start; not beside `LOOPER_DEFAULT_PROMPT`"
    }),
    isAutopollOn: variable({
      names: ["LOOPER_AUTO_START_WHEN_IDLE"],
      kind: flag,
      fallback: "1",
      about: "Starts the default prompt when nothing runs"
    }),
    idlePollSeconds: variable({
      names: ["LOOPER_IDLE_POLL_SECONDS"],
      kind: seconds({ maximum: 86_400, isZeroAllowed: false }),
      fallback: "300",
      about: "Between two looks whether something runs"
    }),
    idleLogStaleSeconds: variable({
      names: ["LOOPER_IDLE_LOG_STALE_SECONDS"],
      kind: seconds({ maximum: Number.MAX_SAFE_INTEGER, isZeroAllowed: true }),
      fallback: "0",
      about: "A run log that changed this recently holds autopoll back; `0` = off"
    }),
    notifier: variable({
      names: ["LOOPER_NOTIFIER"],
      kind: oneOf("zulip", "webhook", "log"),
      fallback: "zulip",
      about: "Where messages go; `log`: into the server log only"
    }),
    isNotifyRequired: variable({
      names: ["LOOPER_NOTIFY_REQUIRED"],
      kind: flag,
      fallback: "1",
      about: "`0`: a message that fails does not stop a run"
    }),
    notifyOn: variable({
      names: ["LOOPER_NOTIFY_ON"],
      kind: notices,
      fallback: "",
      about:
        "What is told beside a run's own message: autopoll started a run; a run ended with 0; a run or a tick failed; a tick skips for a new reason. One that does not arrive is sent again for 90 s, marked `(may be repeated)` once it may have arrived"
    }),
    webhookUrl: secret({
      names: ["LOOPER_WEBHOOK_URL"],
      readFile,
      kind: httpUrl,
      about: 'Gets `{"text": …}` by POST, as Slack, Mattermost and Discord (`/slack`) take it; a secret'
    }),
    zulipSite: optional({ names: ["ZULIP_SITE"], kind: anyText, about: "Address of the Zulip organisation" }),
    zulipBotEmail: optional({ names: ["ZULIP_BOT_EMAIL", "ZULIP_EMAIL"], kind: anyText, about: "The bot's e-mail" }),
    zulipBotApiKey: secret({ names: ["ZULIP_BOT_API_KEY", "ZULIP_API_KEY"], readFile, about: "The bot's key" }),
    zuliprcPath: variable({
      names: ["ZULIPRC_PATH", "ZULIP_CONFIG"],
      kind: file,
      fallback: "~/.zuliprc",
      about: "Read where one of the three is unset, for that and for what it says of certificates"
    }),
    zulipProfile: variable({
      names: ["ZULIP_PROFILE"],
      kind: anyText,
      fallback: "api",
      about: "Section of that file"
    }),
    zulipCertBundle: optional({
      names: ["ZULIP_CERT_BUNDLE"],
      kind: file,
      about: "PEM file of the only authorities to trust for Zulip (`cert_bundle`)"
    }),
    zulipCert: optional({
      names: ["ZULIP_CERT"],
      kind: file,
      about: "PEM file of a certificate to show to a Zulip server that asks for one (`client_cert`)"
    }),
    zulipCertKey: optional({
      names: ["ZULIP_CERT_KEY"],
      kind: file,
      about: "PEM file of its key, without passphrase; unset: in the same file (`client_cert_key`)"
    }),
    isZulipInsecure: optional({
      names: ["ZULIP_ALLOW_INSECURE"],
      kind: truth,
      about: "`true`: Zulip's certificate is not checked (`insecure`)"
    }),
    zulipMessageType: variable({
      names: ["ZULIP_MESSAGE_TYPE"],
      kind: oneOf("stream", "private"),
      fallback: "stream",
      about: "To a channel, or to people"
    }),
    zulipStream: variable({ names: ["ZULIP_STREAM"], kind: anyText, fallback: "coding", about: "The channel" }),
    zulipTopic: variable({ names: ["ZULIP_TOPIC"], kind: anyText, fallback: "verified-cad", about: "Its topic" }),
    zulipTo: variable({
      names: ["ZULIP_TO"],
      kind: anyText,
      fallback: "8-Tessa",
      about: "The people, separated by commas: id, e-mail, full name or `<id>-<name>`, matched exactly"
    }),
    otlpEndpoint: optional({
      names: ["OTEL_EXPORTER_OTLP_ENDPOINT"],
      kind: httpUrl,
      about: "Collector that gets spans (`/v1/traces`) and records (`/v1/logs`) as JSON over HTTP; unset: none does"
    }),
    otlpHeaders: secret({
      names: ["OTEL_EXPORTER_OTLP_HEADERS"],
      readFile,
      kind: pairs,
      about: "Header fields of those requests; secrets"
    }),
    otelServiceName: variable({
      names: ["OTEL_SERVICE_NAME"],
      kind: anyText,
      fallback: "looper",
      about: "`service.name` there"
    }),
    otelAttributes: variable({
      names: ["OTEL_RESOURCE_ATTRIBUTES"],
      kind: pairs,
      fallback: "",
      about: "Further attributes of the resource there, such as `deployment.environment=home`"
    })
  }
}
