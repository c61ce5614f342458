/** Tables of the documents that are made from the code. */

/** One row. */
export const row = (...cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`

/** A table behind an empty line; nothing where it has no rows. */
export const table = (heads: ReadonlyArray<string>, rows: ReadonlyArray<string>): ReadonlyArray<string> =>
  rows.length === 0 ? [] : ["", row(...heads), row(...heads.map(() => "---")), ...rows]
