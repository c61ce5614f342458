/** The environment of a `looper invoke` in the folders of a Looper of the test kit. */
import type { LooperProcess } from "./looperProcess.ts"

/** Nothing of it is sent anywhere, and only own runs are targets. */
export const invokeEnvironment = (
  looper: Pick<LooperProcess, "codexPath" | "folder" | "logDir" | "serverLogPath" | "workspace">
): Readonly<Record<string, string>> => ({
  HOME: looper.folder,
  // As in what Looper itself starts: the folder's last process is found by it.
  TEST_FOLDER: looper.folder,
  LOOPER_NOTIFIER: "log",
  LOOPER_SERVER_LOG_PATH: looper.serverLogPath,
  LOOPER_DEFAULT_WORKSPACE: looper.workspace,
  CODEX_EXEC_LOG_DIR: looper.logDir,
  CODEX_EXEC_KILL_SCOPE: "own",
  CODEX_EXEC_BINARY: looper.codexPath,
  CODEX_EXEC_DELAY_SECONDS: "0",
  CODEX_EXEC_STARTUP_CHECK_SECONDS: "0.3"
})
