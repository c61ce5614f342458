/** All matches of one query in one log: what a worker finds in the file, and what comes at its end meanwhile. */
import { type FindReport, type FindRequest, maxMatches } from "./findMessages.ts"
import type { LogLine } from "./LineDecoder.ts"
import { compareMatches, type Match, type Matcher, matcherOf, type Query } from "./matches.ts"

/** Starts the page's one worker; its address alone may become a script. */
const startWorker = (): Worker => {
  const path = document.querySelector<HTMLMetaElement>('meta[name="find-worker"]')?.content ?? ""
  const url = new URL(path, document.baseURI).href
  return new Worker(policyFor(url).createScriptURL(url) as unknown as string, { type: "module" })
}

interface ScriptUrlPolicy {
  readonly createScriptURL: (url: string) => unknown
}

let policy: ScriptUrlPolicy | undefined

/** Made once: the page's own policy allows its name once. */
const policyFor = (allowed: string): ScriptUrlPolicy => {
  const { trustedTypes } = globalThis as {
    readonly trustedTypes?: {
      createPolicy(name: string, rules: { createScriptURL(url: string): string }): ScriptUrlPolicy
    }
  }
  const rules = {
    createScriptURL: (url: string): string => {
      if (url !== allowed) throw new TypeError("only the page's own worker is a script")
      return url
    }
  }
  policy ??= trustedTypes === undefined ? rules : trustedTypes.createPolicy("find-worker", rules)
  return policy
}

/** Where a search stands. */
export interface SearchCount {
  readonly count: number
  /** 0 to 1; 1: the whole file was searched. */
  readonly progress: number
  readonly isFailed: boolean
}

/** One query; {@link close} ends its worker. */
export class Search {
  readonly query: Query
  readonly matcher: Matcher
  /** Behind it every line is given by {@link add}. */
  readonly #end: number
  readonly #onChange: () => void
  #worker: Worker | undefined
  readonly #found: Array<Match> = []
  readonly #added: Array<Match> = []
  #addedCount = 0
  #foundCount = 0
  #scannedTo = 0
  #isFailed = false

  constructor(options: Omit<FindRequest, "query">, query: Query, onChange: () => void) {
    this.query = query
    this.matcher = matcherOf(query)
    this.#end = options.end
    this.#onChange = onChange
    if (options.end === 0) return
    this.#worker = startWorker()
    this.#worker.addEventListener("message", ({ data }: MessageEvent<FindReport>) => this.#take(data))
    this.#worker.addEventListener("error", () => this.#take({ kind: "failed", status: 0 }))
    // eslint-disable-next-line unicorn/require-post-message-target-origin -- a worker's has none
    this.#worker.postMessage({ ...options, query } satisfies FindRequest)
  }

  get state(): SearchCount {
    const progress = this.#end === 0 ? 1 : this.#scannedTo / this.#end
    return { count: this.#foundCount + this.#addedCount, progress, isFailed: this.#isFailed }
  }

  /** Every match before this place of the file is known. */
  get scannedTo(): number {
    return this.#scannedTo
  }

  get isDone(): boolean {
    return this.#scannedTo >= this.#end
  }

  /** Lines at the live end, each once; of more than {@link maxMatches} the places are not kept. */
  add(lines: ReadonlyArray<LogLine>): void {
    const before = this.#addedCount
    for (const { start, text } of lines) {
      if (start < this.#end) continue
      for (const column of this.matcher(text)) {
        this.#addedCount += 1
        if (this.#added.length < maxMatches) this.#added.push({ start, column })
      }
    }
    if (this.#addedCount > before) this.#onChange()
  }

  /** The match at `index`, of those whose places are known. */
  at(index: number): Match | undefined {
    return index < this.#found.length ? this.#found[index] : this.#added[index - this.#found.length]
  }

  /** How many places are known. */
  get known(): number {
    return this.#found.length + this.#added.length
  }

  /** From 1; `undefined` while what stands before it was not searched yet. */
  ordinal(match: Match): number | undefined {
    const index = this.#indexOf(match)
    const isFound = this.at(index) !== undefined && compareMatches(this.at(index) as Match, match) === 0
    if (!isFound || (index >= this.#found.length && !this.isDone)) return undefined
    return index < this.#found.length ? index + 1 : index + 1 + this.#foundCount - this.#found.length
  }

  next(match: Match): Match | undefined {
    const index = this.#indexOf(match)
    const at = this.at(index)
    return at !== undefined && compareMatches(at, match) === 0 ? this.at(index + 1) : at
  }

  previous(match: Match): Match | undefined {
    const index = this.#indexOf(match)
    return index === 0 ? undefined : this.at(index - 1)
  }

  close(): void {
    this.#worker?.terminate()
    this.#worker = undefined
  }

  #take(report: FindReport): void {
    if (report.kind === "failed") this.#isFailed = true
    else {
      const { matches } = report
      for (let index = 0; index < matches.length; index += 2) {
        this.#found.push({ start: matches[index] ?? 0, column: matches[index + 1] ?? 0 })
      }
      this.#foundCount += report.count
      this.#scannedTo = report.scannedTo
    }
    if (this.isDone || this.#isFailed) this.close()
    this.#onChange()
  }

  /** The first known match that is not before this one. */
  #indexOf(match: Match): number {
    let low = 0
    let high = this.known
    while (low < high) {
      const middle = (low + high) >>> 1
      const at = this.at(middle)
      if (at !== undefined && compareMatches(at, match) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
