/**
 * Bundles the web page into dist/page, or into the folder that is named: hashed names, subset fonts, gzip beside each
 * file. `--watch` goes on.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { context, type BuildOptions, type BuildResult, type Plugin } from "esbuild"
import subsetFont from "subset-font"

const root = fileURLToPath(new URL("..", import.meta.url))
const source = path.join(root, "src/page")
const named = process.argv.slice(2).find((word) => !word.startsWith("--"))
const target = named === undefined ? path.join(root, "dist/page") : path.resolve(named)

const characters = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => String.fromCodePoint(first + index)).join("")
const ascii = `${characters(0x20, 0x7e)}–—‘’“”…·−↑↓`
/** What a font keeps: words are the page's own, a log has whatever codex writes; the rest is the system's. */
const glyphs = (file: string) => (file.includes("mono") ? ascii + characters(0xa0, 0xff) : ascii)

const fonts: Plugin = {
  name: "fonts",
  setup(build) {
    build.onLoad({ filter: /\.woff2$/ }, async ({ path: file }) => ({
      contents: await subsetFont(await readFile(file), glyphs(path.basename(file)), {
        targetFormat: "woff2",
        variationAxes: { wght: { min: 400, max: 600 } }
      }),
      loader: "file"
    }))
  }
}

const options = {
  absWorkingDir: source,
  outdir: target,
  bundle: true,
  splitting: true,
  minify: true,
  format: "esm",
  target: "es2024",
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  // The page's own names, so that a text of a library is never taken for one of a host.
  legalComments: "none",
  loader: { ".svg": "file" },
  plugins: [fonts],
  metafile: true,
  write: false
} satisfies BuildOptions

/** The file that an entry became. */
const outputOf = (result: BuildResult<typeof options>, entry: string): string => {
  const [name] =
    Object.entries(result.metafile.outputs).find(([, output]) => output.entryPoint?.endsWith(entry) === true) ?? []
  if (name === undefined) throw new Error(`esbuild made nothing of ${entry}`)
  return path.basename(name)
}

const write = async (name: string, contents: Uint8Array) => {
  await writeFile(path.join(target, name), contents)
  // Fonts are compressed already.
  if (!name.endsWith(".woff2")) await writeFile(path.join(target, `${name}.gz`), gzipSync(contents, { level: 9 }))
}

/** Names the hashed files in index.html, which has the plain ones. */
const emit = async (result: BuildResult<typeof options>) => {
  if (result.errors.length > 0) return
  await rm(target, { recursive: true, force: true })
  await mkdir(target, { recursive: true })
  for (const { path: file, contents } of result.outputFiles ?? []) await write(path.basename(file), contents)
  const html = await readFile(path.join(source, "index.html"), "utf8")
  const linked = html
    .replace("page.css", outputOf(result, "page.css"))
    .replace("page.js", outputOf(result, "main.ts"))
    .replace("find.js", outputOf(result, "findWorker.ts"))
  await write("index.html", Buffer.from(linked))
}

const bundle = await context({
  ...options,
  entryPoints: ["main.ts", "page.css", "log/findWorker.ts"],
  plugins: [...options.plugins, { name: "emit", setup: (build) => build.onEnd(emit as never) }]
})
if (process.argv.includes("--watch")) await bundle.watch()
else {
  const { errors } = await bundle.rebuild()
  await bundle.dispose()
  process.exitCode = errors.length === 0 ? 0 : 1
}
