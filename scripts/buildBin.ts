/** Bundles what `looper.js` and `send-zulip-dm.js` start into dist/bin: one file for each instead of hundreds. */
import { copyFile, readFile, rm, stat, writeFile } from "node:fs/promises"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { build, type Plugin } from "esbuild"

const root = fileURLToPath(new URL("..", import.meta.url))
const target = path.join(root, "dist/bin")

/** What the bundle is made of: path from the root, bytes, time of the last change in milliseconds since the epoch. */
const sources: Array<readonly [file: string, bytes: number, changedMillis: number]> = []

/** Before it is read: what is written meanwhile makes the bundle an old one, not the source. */
const note = async (file: string) => {
  const { size, mtimeMs } = await stat(file)
  sources.push([path.relative(root, file), size, mtimeMs])
}

const barrel = /^import \{([^}]*)\} from "(effect(?:\/(?:cli|http|observability))?)"/gm

/** `{ Effect, type Scope }` from a barrel as the modules themselves, on as many lines: esbuild keeps a barrel's whole. */
const modulesOf = (statement: string, names: string, from: string): string => {
  const imports = names
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && !name.startsWith("type "))
    .map((name) => {
      if (!/^[A-Z]\w*$/.test(name)) throw new Error(`import the module of ${name} instead of taking it from ${from}`)
      return `import * as ${name} from "${from}/${name}"`
    })
  return imports.join(";") + statement.replaceAll(/[^\n]/g, "")
}

/** node-server, and what imports it, share a global object on which the classes of `fetch` are loaded when they are used. */
const withFetchLater = (text: string): string => {
  const classes = JSON.stringify(path.join(root, "src/runtime/fetchLater.ts"))
  return `import { fetchClasses as global } from ${classes}; const { Headers } = global, globalThis = global; ${text}`
}

const source: Plugin = {
  name: "source",
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path: file }) => {
      if (file.includes(`${path.sep}node_modules${path.sep}`)) return undefined
      await note(file)
      const contents = (await readFile(file, "utf8")).replaceAll(barrel, modulesOf)
      return {
        contents: contents.includes(' from "@hono/node-server"') ? withFetchLater(contents) : contents,
        loader: "ts"
      }
    })
    build.onLoad({ filter: /@hono\/node-server\/dist\/index\.mjs$/ }, async ({ path: file }) => ({
      contents: withFetchLater(await readFile(file, "utf8"))
    }))
  }
}

/** What no start needs: TLS takes as long to load as half of Looper, and whole, `util` has a thread's modules. */
const loadedLater = new Set(["node:crypto", "node:https", "node:tls", "node:util"])

const builtin = (name: string): string => {
  const module = `process.getBuiltinModule("${name}")`
  // node-server asks of each request whether it is one of HTTP/2, which Looper does not speak.
  if (name === "node:http2") return "exports.Http2ServerRequest = class {}; exports.constants = {}"
  if (!loadedLater.has(name)) return `module.exports = ${module}`
  return `for (const name of ${JSON.stringify(Object.keys(process.getBuiltinModule(name) ?? {}))}) {
    const get = () => {
      const value = ${module}[name]
      Object.defineProperty(exports, name, { value })
      return value
    }
    Object.defineProperty(exports, name, { enumerable: true, configurable: true, get })
  }`
}

/** Node's own modules as they are: an ES module around `http` loads all that it could be asked for, `fetch` with it. */
const builtins: Plugin = {
  name: "builtins",
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path: name }) => ({ path: name, namespace: "builtin" }))
    build.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path: name }) => ({ contents: builtin(name) }))
    // It requires both, instead of importing them.
    build.onLoad({ filter: /@effect\/platform-node\/dist\/internal\/http\.js$/ }, () => ({
      contents: 'export * as http from "node:http"; export * as https from "node:https"'
    }))
  }
}

await rm(target, { recursive: true, force: true })
await rm(path.join(root, "dist/cache"), { recursive: true, force: true })
// Which versions of the libraries are in it, and how it is built.
for (const file of ["package.json", "package-lock.json", "tsconfig.json", "scripts/buildBin.ts"]) {
  await note(path.join(root, file))
}
await build({
  absWorkingDir: root,
  entryPoints: ["src/main.ts", "src/sendMessage.ts"],
  outdir: target,
  bundle: true,
  format: "cjs",
  outExtension: { ".js": ".cjs" },
  platform: "node",
  target: "node24",
  // V8 keeps the text: 3 MB less. Names stay, for stack traces.
  minifyWhitespace: true,
  minifySyntax: true,
  // Of an error that nothing catches Node prints the whole line.
  lineLimit: 200,
  sourcemap: "linked",
  sourcesContent: false,
  define: {
    "Intl.Segmenter": "GraphemeSegmenter",
    "import.meta.filename": "__filename",
    "import.meta.dirname": "__dirname"
  },
  inject: ["src/cli/graphemes.ts"],
  plugins: [source, builtins],
  logLevel: "warning"
})
// A program finds them beside itself, as the source does.
for (const name of ["page.css", "page.html", "page.js"]) {
  await copyFile(path.join(root, "src/docsPage", name), path.join(target, name))
}
// Last: without it a checkout runs from its source.
await writeFile(path.join(target, "sources.json"), JSON.stringify(sources))
