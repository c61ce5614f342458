/** Entry: the command line. What `serve` does not need is not loaded for it. */
const args = process.argv.slice(2)

/** Fails where it cannot be loaded. */
export const loaded =
  args.length === 1 && args[0] === "serve"
    ? import("./serve.ts").then(({ serve }) => serve())
    : import("./cli/main.ts").then(({ main }) => main(args))
