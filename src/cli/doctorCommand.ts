/** `looper doctor` */
import { Effect } from "effect"
import { doctor } from "../doctor/doctor.ts"
import { doctorExitCode, renderDoctorReport } from "../doctor/DoctorReport.ts"
import { root } from "../root.ts"
import { type CommandFailed, ended } from "./exitCodes.ts"
import { hasColor, print, printJson } from "./output.ts"

/** Checks this machine and prints what it found; fails where a check did. */
export const doctorNow = (options: { readonly json: boolean }): Effect.Effect<void, CommandFailed> =>
  Effect.gen(function* () {
    const report = yield* doctor({ root, environment: process.env })
    const color = hasColor(process.stdout, process.env)
    yield* options.json ? printJson(report) : print(renderDoctorReport(report, { color }).trimEnd())
    const code = doctorExitCode(report)
    if (code !== 0) return yield* ended(code)
  })
