/** What codex writes, in the shape of its text output. */
import { defaultPrompt } from "./statuses.ts"

const header = [
  "# looper_request_id=3f9c21ab",
  "# workspace=/srv/verifycad",
  `# command=/srv/codex/codex --ask-for-approval never exec --sandbox workspace-write -C /srv/verifycad '${defaultPrompt}'`,
  "",
  ""
]

const banner = [
  "Reading additional input from stdin...",
  "OpenAI Codex v0.163.0",
  "--------",
  "workdir: /srv/verifycad",
  "model: gpt-5.2-codex",
  "approval: never",
  "sandbox: workspace-write",
  "--------"
]

const verify = "/bin/bash -lc 'cargo verus verify -p kernel --module geometry::winding' in /srv/verifycad"

const work = [
  "codex",
  "The intersection lemma still assumes that both faces are convex. I will prove the general case through",
  "the winding number, in a separate module, and leave the convex lemma as a corollary.",
  "",
  "exec",
  "/bin/bash -lc 'rg -n \"is_convex\" kernel/src/geometry' in /srv/verifycad",
  " succeeded in 38ms:",
  "kernel/src/geometry/face.rs:88:    pub open spec fn is_convex(self) -> bool {",
  "kernel/src/geometry/intersect.rs:203:        assert(a.is_convex() ==> winding(a, p) == 1);",
  "",
  "exec",
  verify,
  " exited 1 in 21408ms:",
  "\u001b[32m   Compiling\u001b[0m kernel v0.4.0 (/srv/verifycad/kernel)",
  "\u001b[1;31merror\u001b[0m\u001b[1m: postcondition not satisfied\u001b[0m",
  "  \u001b[34m-->\u001b[0m kernel/src/geometry/winding.rs:64:5",
  "verification results:: 37 verified, 1 errors",
  "",
  "codex",
  "The bound holds only for simple polygons. The spec lacks that premise; every caller already has it, so I add",
  "`requires poly.is_simple()` and carry it through the three call sites.",
  "",
  "exec",
  verify,
  " succeeded in 24971ms:",
  "\u001b[33mwarning\u001b[0m: trigger for quantifier chosen automatically; see winding.rs:102",
  "verification results:: 38 verified, 0 errors",
  "",
  "codex",
  "Green. Now the full kernel, since the premise is visible to its callers.",
  ""
]

const lastCommand = ["exec", "/bin/bash -lc 'cargo verus verify -p kernel' in /srv/verifycad"]

const text = (...parts: ReadonlyArray<ReadonlyArray<string>>): string => `${parts.flat().join("\n")}\n`

/** Only what Looper itself writes before codex begins. */
export const headerOnly = header.join("\n")

/** A run in the middle of a command, `repeats` times as much work before it. */
export const workingLog = (repeats = 1): string =>
  text(header.slice(0, -1), banner, ...Array.from({ length: repeats }, () => work), lastCommand)

/** A run that ended; `last` are codex' last words. */
export const endedLog = (code: number, last: ReadonlyArray<string> = ["tokens used", "184,220"]): string =>
  text(header.slice(0, -1), banner, work, last, ["", `# codex_exec_return_code=${code}`])

/** Numbered lines, `line 1` to `line <count>`. */
export const numberedLines = (count: number, first = 1): string =>
  Array.from({ length: count }, (_, index) => `line ${first + index}\n`).join("")
