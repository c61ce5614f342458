/** A whole log as a file, where a plain link cannot: the token goes into no address. */
import type { LooperApi } from "../api/LooperApi.ts"
import { errorOf, fileNameOf, logPath } from "./LogFile.ts"

/** More is not collected in the page's memory, in bytes. */
const maxBlobBytes = 200_000_000

/** How it went; `tooLarge`: only a program outside can fetch it. */
export type Downloaded = "saved" | "cancelled" | "tooLarge"

interface SaveWindow {
  showSaveFilePicker?(options: {
    readonly suggestedName: string
  }): Promise<{ createWritable(): Promise<WritableStream<Uint8Array>> }>
}

/** For a shell; the token stays in the environment. */
export const curlOf = (page: string, runId: string): string =>
  `curl -fsS -H "Authorization: Bearer $LOOPER_API_TOKEN" -o ${fileNameOf(runId)} '${new URL(logPath(runId), page).href}'`

/** Asks where to, where the browser can, and writes there piece by piece; otherwise keeps it and gives it as a file. */
export const download = async (api: LooperApi, runId: string, size: number): Promise<Downloaded> => {
  const { showSaveFilePicker } = globalThis as SaveWindow
  if (showSaveFilePicker !== undefined) {
    const file = await showSaveFilePicker({ suggestedName: fileNameOf(runId) }).catch(() => undefined)
    if (file === undefined) return "cancelled"
    const response = await whole(api, runId)
    await response.body?.pipeTo(await file.createWritable())
    return "saved"
  }
  if (size > maxBlobBytes) return "tooLarge"
  const url = URL.createObjectURL(await (await whole(api, runId)).blob())
  const link = document.createElement("a")
  link.href = url
  link.download = fileNameOf(runId)
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
  return "saved"
}

const whole = async (api: LooperApi, runId: string): Promise<Response> => {
  const response = await api.fetch(logPath(runId))
  if (response.ok) return response
  throw await errorOf(response)
}
