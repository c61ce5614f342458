/** Entry: the command line. What `serve` does not need is not loaded for it. */
const args = process.argv.slice(2)

if (args.length === 1 && args[0] === "serve") void import("./serve.ts").then(({ serve }) => serve())
else void import("./cli/main.ts").then(({ main }) => main(args))
