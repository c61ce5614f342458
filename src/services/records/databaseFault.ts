/** What an error of SQLite or of the file system says about the database. */

/** The file is not, or no more, a database of this Looper. */
export class Damage extends Error {}

/** `damaged`: the file itself; `rejected`: the statement; `unwritable`: neither, it may pass. */
export type Fault = "damaged" | "rejected" | "constraint" | "unwritable"

/** Primary result codes (sqlite.org/rescode.html). */
const codes: Readonly<Record<number, Fault>> = {
  1: "rejected", // ERROR
  11: "damaged", // CORRUPT
  17: "rejected", // SCHEMA
  18: "rejected", // TOOBIG
  19: "constraint",
  20: "rejected", // MISMATCH
  21: "rejected", // MISUSE
  25: "rejected", // RANGE
  26: "damaged" // NOTADB
}

/** Which fault an error of SQLite, of Node or of the system is. */
export const faultOf = (error: unknown): Fault => {
  if (error instanceof Damage) return "damaged"
  const { errcode, code = "" } = error as { errcode?: number; code?: string }
  if (errcode !== undefined) return codes[errcode & 0xff] ?? "unwritable"
  // Node's own refusal of an argument; what the system refuses has an errno's name.
  return code.startsWith("E") && !code.startsWith("ERR_") ? "unwritable" : "rejected"
}

/** SQLITE_BUSY and SQLITE_LOCKED: the open file is as good as before. */
export const isLocked = (error: unknown): boolean =>
  [5, 6].includes(((error as { errcode?: number }).errcode ?? 0) & 0xff)

/** An error's own words. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
