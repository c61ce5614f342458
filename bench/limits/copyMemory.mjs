// Copies memory from one place to another for as long as it lives: what any program does to its neighbours that keeps
// the other of two processors busy with a run's output.
const from = Buffer.alloc(64 * 1024 * 1024, "x")
const to = Buffer.alloc(from.length)
process.stdout.write("copying\n")
for (;;) from.copy(to)
