/** Entry: the command line. What `serve` does not need is not loaded for it. */
const args = process.argv.slice(2)

if (args.length === 1 && args[0] === "serve") {
  const { serve } = await import("./serve.ts")
  serve()
} else {
  const { main } = await import("./cli/main.ts")
  main(args)
}
