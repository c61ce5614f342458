/** A thousand runs in a row against one Looper, and a day of ticks: what it holds may not grow with them. */
import { closeSync, openSync } from "node:fs"
import { median } from "../../bench/support/statistics.ts"
import { type CodexStep, codexScript } from "../../src/testing/CodexStandIn.ts"
import type { Answer } from "./httpClient.ts"
import { type Holdings, type InspectedLooper, isAtRest, startInspectedLooper, withoutCompiler } from "./insideLooper.ts"
import { until } from "./processes.ts"

/** What Looper held at rest after so many runs. */
export interface Sample extends Holdings {
  readonly done: number
}

/** What one run may leave for good, on the average: its id, in the two sets of ids that were ever drawn. */
export const maxBytesPerRun = 512
/** Buffers outside of V8's heap come and go in steps of the mirror's 256 KiB; one left by each run is soon more. */
const maxBufferBytes = 1_024 * 1_024
/** What one tick may leave: nothing; this is V8's noise over as many. */
export const maxBytesPerTick = 64

interface Kind {
  readonly steps: ReadonlyArray<CodexStep>
  /** Waits for its end: the code that the answer must name. */
  readonly endsWith?: number
}

/** In turn; one that goes on is replaced by the next, and leftovers go with that. */
const kinds: ReadonlyArray<Kind> = [
  { steps: [{ hang: true }] },
  { steps: [], endsWith: 0 },
  { steps: [{ exit: 3 }], endsWith: 3 },
  { steps: [{ kill: "SIGKILL" }], endsWith: 137 },
  { steps: [{ kill: "SIGTERM" }], endsWith: 143 },
  { steps: [{ flood: { bytes: 300_000 } }, { hang: true }] },
  { steps: [{ printTimes: { text: "a line\n", times: 1_000 } }], endsWith: 0 },
  { steps: [{ child: { kind: "session" } }], endsWith: 0 },
  { steps: [{ child: { kind: "group", holdsOutput: true, printsEveryMillis: 5 } }, { hang: true }] },
  { steps: [{ child: { kind: "daemon" } }, { exit: 9 }], endsWith: 9 }
]

/** Longer than any of these runs takes to end. */
const startupCheckSeconds = 60

const startOne = async ({ looper }: InspectedLooper, n: number): Promise<void> => {
  const { steps, endsWith } = kinds[n % kinds.length] as Kind
  const check = endsWith === undefined ? {} : { codex_exec_startup_check_seconds: startupCheckSeconds }
  const answer = await looper.run({ zulip_message: "m", codex_prompt: codexScript(steps), ...check })
  if (!isExpected(answer, endsWith)) throw new Error(`run ${n}: ${answer.status} ${answer.text}`)
}

const isExpected = ({ status, body }: Answer, endsWith: number | undefined): boolean => {
  if (endsWith !== undefined && endsWith !== 0) return status === 500 && body?.return_code === endsWith
  const started = body?.codex_exec_result as { readonly startup_return_code: number | null } | undefined
  return status === 200 && started?.startup_return_code === (endsWith ?? null)
}

/** Stops what runs and waits until Looper has nothing left to do. */
const rest = async (house: InspectedLooper): Promise<Holdings> => {
  const kill = await house.looper.request("POST", "/kill")
  if (kill.status !== 200) throw new Error(`/kill: ${kill.text}`)
  return await until(
    async () => {
      const held = await house.look()
      return isAtRest(held) && held
    },
    "Looper is at rest",
    60_000
  )
}

/** Performs so many runs and looks at rest after every few of them. */
export const soakRuns = async (options: {
  readonly runs: number
  readonly every: number
  readonly onSample?: (sample: Sample) => void
}): Promise<ReadonlyArray<Sample>> => {
  const stdout = openSync("/dev/null", "a")
  try {
    await using house = await startInspectedLooper({ stdout, flags: withoutCompiler })
    const samples: Array<Sample> = []
    for (let done = 0; done <= options.runs; done++) {
      if (done % options.every === 0) {
        const sample = { done, ...(await rest(house)) }
        samples.push(sample)
        options.onSample?.(sample)
      }
      if (done < options.runs) await startOne(house, done)
    }
    const trailers = house.looper.serverLog().match(/ looper codex\.exec\.ended /g)?.length
    if (trailers !== options.runs) throw new Error(`${options.runs} runs, ${trailers} ends`)
    return samples
  } finally {
    closeSync(stdout)
  }
}

/** The median of the slopes between any two points: unlike that of least squares, one look at a bad moment tilts it little. */
export const slopeOf = (points: ReadonlyArray<readonly [number, number]>): number =>
  median(
    points.flatMap(([x, y], index) => points.slice(index + 1).map(([laterX, laterY]) => (laterY - y) / (laterX - x)))
  )

export const bytesPerRun = (samples: ReadonlyArray<Sample>): number =>
  slopeOf(samples.map(({ done, heapBytes }) => [done, heapBytes]))

const counts = ({ descriptors, handles, listeners, processes }: Holdings) =>
  JSON.stringify({ descriptors, handles, listeners, processes })

/** What grows with the runs, after the first ones filled caches and compiled code; empty where all is flat. */
export const growthIn = (samples: ReadonlyArray<Sample>, warmUpRuns: number): ReadonlyArray<string> => {
  const later = samples.filter(({ done }) => done >= warmUpRuns)
  const [first, last] = [later[0], later.at(-1)]
  if (first === undefined || last === undefined || later.length < 3) throw new Error("too few samples")
  const bytes = bytesPerRun(later)
  return [
    ...(last.bufferBytes - first.bufferBytes > maxBufferBytes
      ? [`${last.bufferBytes - first.bufferBytes} bytes of buffers`]
      : []),
    ...(bytes > maxBytesPerRun ? [`${Math.round(bytes)} bytes a run, more than ${maxBytesPerRun}`] : []),
    ...later
      .filter((sample) => counts(sample) !== counts(first))
      .map((sample) => `after ${sample.done} runs ${counts(sample)}, not ${counts(first)}`)
  ]
}

const sum = (numbers: Readonly<Record<string, number>>) => Object.values(numbers).reduce((total, one) => total + one, 0)
const kib = (bytes: number) => String(Math.round(bytes / 1024))

export const columns = [
  "runs",
  "descriptors",
  "handles",
  "listeners",
  "processes",
  "heap KiB",
  "buffers KiB",
  "Pss KiB"
]
export const rowOf = (sample: Sample): ReadonlyArray<string> => [
  String(sample.done),
  String(sum(sample.descriptors)),
  String(sum(sample.handles)),
  String(sum(sample.listeners)),
  String(sample.processes),
  kib(sample.heapBytes),
  kib(sample.bufferBytes),
  kib(sample.pssBytes)
]
