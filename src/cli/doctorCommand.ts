/** `looper doctor` */
import { Effect } from "effect"
import { doctor } from "../doctor/doctor.ts"
import { doctorExitCode, renderDoctorReport } from "../doctor/DoctorReport.ts"
import { hasColor, source } from "./environment.ts"
import { type CommandFailed, ended } from "./exitCodes.ts"
import { print, printJson } from "./output.ts"

/** Checks this machine and prints what it found; fails where a check did. */
export const doctorNow = (options: { readonly json: boolean }): Effect.Effect<void, CommandFailed> =>
  Effect.gen(function* () {
    const report = yield* doctor(source)
    const color = hasColor(process.stdout)
    yield* options.json ? printJson(report) : print(renderDoctorReport(report, { color }).trimEnd())
    const code = doctorExitCode(report)
    if (code !== 0) return yield* ended(code)
  })
