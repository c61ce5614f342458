/** Where Looper cannot find its processes. */
import { hasProcfs } from "./services/processes/procfs.ts"

/** Why Looper does not start on this machine; `undefined` where it does. */
export const platformProblem = (): string | undefined => {
  if (process.platform === "win32") return "Windows is not supported"
  return process.platform === "linux" && !hasProcfs() ? "/proc cannot be read" : undefined
}
