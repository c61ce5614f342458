/** Takes the log, or an address of it, out of the page. */
import type { LooperApi } from "../api/LooperApi.ts"
import { copyText } from "./copyText.ts"
import { curlOf, download } from "./download.ts"
import { linkOf } from "./linkOf.ts"
import type { LogPlace } from "./LogPane.ts"

/** How long "Copied" stands, in milliseconds. */
const copiedMillis = 1_500

/** Tells what it did, or could not do. */
export class Handout {
  readonly #api: LooperApi
  readonly #onChange: () => void
  copied: "link" | "curl" | undefined
  notice: { readonly text: string; readonly curl: string | undefined } | undefined

  constructor(api: LooperApi, onChange: () => void) {
    this.#api = api
    this.#onChange = onChange
  }

  async copyLink(runId: string, place: LogPlace | undefined): Promise<void> {
    await this.#copy("link", linkOf(new URL(".", document.baseURI).href, runId, place))
  }

  async copyCurl(): Promise<void> {
    if (this.notice?.curl !== undefined) await this.#copy("curl", this.notice.curl)
  }

  /** The whole log; `size` in bytes. */
  async download(runId: string, size: number): Promise<void> {
    this.notice = undefined
    try {
      if ((await download(this.#api, runId, size)) === "tooLarge") {
        this.notice = {
          text: "Too large for this browser to keep. From a shell:",
          curl: curlOf(document.baseURI, runId)
        }
      }
    } catch (error) {
      this.notice = { text: `Not downloaded: ${(error as Error).message}`, curl: undefined }
    }
    this.#onChange()
  }

  async #copy(what: "link" | "curl", text: string): Promise<void> {
    if (await copyText(text)) this.copied = what
    else this.notice = { text: `The browser does not let this page copy: ${text}`, curl: undefined }
    this.#onChange()
    setTimeout(() => {
      this.copied = undefined
      this.#onChange()
    }, copiedMillis)
  }
}
