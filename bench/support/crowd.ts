/** 2,000 more processes on the machine. */
import { spawn } from "node:child_process"
import { once } from "node:events"

const others = 2_000

/** Sleepers in one group, which ends with them. */
export const startCrowd = async (): Promise<AsyncDisposable> => {
  const text = `n=0; while [ $n -lt ${others} ]; do sleep 86400 & n=$((n + 1)); done; echo ready; wait`
  const crowd = spawn("sh", ["-c", text], { detached: true, stdio: ["ignore", "pipe", "inherit"] })
  const exited = once(crowd, "exit")
  await once(crowd.stdout, "data")
  return {
    [Symbol.asyncDispose]: async () => {
      process.kill(-(crowd.pid ?? 0), "SIGKILL")
      await exited
    }
  }
}
