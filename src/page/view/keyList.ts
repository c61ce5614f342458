/** The list of keys, as their dialog shows it. */

interface Binding {
  readonly keys: ReadonlyArray<string>
  readonly words: string
}

/** The list of keys, as the dialog shows it. */
export const keyGroups: ReadonlyArray<{ readonly title: string; readonly bindings: ReadonlyArray<Binding> }> = [
  {
    title: "Run",
    bindings: [
      { keys: ["s"], words: "Start…" },
      { keys: ["x"], words: "Stop; Enter confirms, Esc keeps it running" },
      { keys: ["j", "k"], words: "Older run, newer run" },
      { keys: ["g"], words: "In the list of runs: go to an id or a date" }
    ]
  },
  {
    title: "Log",
    bindings: [
      { keys: ["/"], words: "Find" },
      { keys: ["n", "N"], words: "Next match, previous match" },
      { keys: ["f"], words: "Follow, or pause" },
      { keys: ["g", "G"], words: "Top, end" },
      { keys: ["e", "E"], words: "Next error, previous error" },
      { keys: ["]", "["], words: "Next message, previous message" },
      { keys: ["w"], words: "Wrap long lines" },
      { keys: ["y"], words: "Copy the link" }
    ]
  },
  {
    title: "Everywhere",
    bindings: [
      { keys: ["?"], words: "These keys" },
      { keys: ["Esc"], words: "Close, or keep running" },
      { keys: ["Ctrl Enter"], words: "In the start dialog: send it" }
    ]
  }
]
