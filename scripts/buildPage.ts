/**
 * Bundles the web page into dist/page, or into the folder that is named: hashed names, subset fonts, gzip beside each
 * file. `--watch` goes on.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { build, context, type BuildOptions, type BuildResult, type Plugin } from "esbuild"
import subsetFont from "subset-font"

const root = fileURLToPath(new URL("..", import.meta.url))
const source = path.join(root, "src/page")
const named = process.argv.slice(2).find((word) => !word.startsWith("--"))
const target = named === undefined ? path.join(root, "dist/page") : path.resolve(named)

const characters = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => String.fromCodePoint(first + index)).join("")
/** What a font keeps, by the query of its address; of a log's other characters the rest is the system's. */
const glyphs: Readonly<Record<string, string>> = {
  ascii: `${characters(0x20, 0x7e)}–—‘’“”…·−↑↓`,
  // Loaded by browsers only where one of these is shown: see `unicode-range` in base.css.
  latin1: characters(0xa0, 0xff),
  latinA: characters(0x100, 0x17f)
}

const fonts: Plugin = {
  name: "fonts",
  setup(build) {
    build.onResolve({ filter: /\.woff2\?/ }, async ({ path: address, kind, importer, resolveDir }) => {
      const [name = "", part] = address.split("?")
      const { path: file } = await build.resolve(name, { kind, importer, resolveDir })
      return { path: file, namespace: `font-${part}` }
    })
    for (const [part, text] of Object.entries(glyphs)) {
      build.onLoad({ filter: /./, namespace: `font-${part}` }, async ({ path: file }) => ({
        contents: await subsetFont(await readFile(file), text, {
          targetFormat: "woff2",
          // What base.css asks for, and no fractions, ordinals or the like.
          keepFeatures: ["kern", "tnum"],
          // Names for a menu of fonts, and kerning of its own for 600: by 400's a headline is a tenth of a pixel wider.
          dropTables: ["STAT", "GDEF"],
          variationAxes: { wght: { min: 400, max: 600 } }
        }),
        loader: "file"
      }))
    }
  }
}

/** What is loaded later finds all of the page there: else each part that both use were a file of its own. */
const onTopOfMain: Plugin = {
  name: "on-top-of-main",
  setup(build) {
    build.onLoad(
      { filter: /\/(later|stillBands|log\/Announcer|Finders|Handout|LogStream)\.ts$/ },
      async ({ path: file }) => ({
        contents: `import ${JSON.stringify(path.join(source, "main.ts"))}\n${await readFile(file, "utf8")}`,
        loader: "ts"
      })
    )
  }
}

/** The indentation of a template is for who reads its source: between elements it counts as one blank, however long. */
const flatTemplates: Plugin = {
  name: "flat-templates",
  setup(build) {
    build.onLoad({ filter: /\/src\/page\/(view|log)\/\w+\.ts$/ }, async ({ path: file }) => ({
      contents: (await readFile(file, "utf8")).replaceAll(/\n[ \t]+/g, "\n"),
      loader: "ts"
    }))
  }
}

const options = {
  absWorkingDir: source,
  outdir: target,
  bundle: true,
  minify: true,
  format: "esm",
  // What is not needed at first is loaded later.
  splitting: true,
  target: "es2024",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  // The page's own names, so that a text of a library is never taken for one of a host.
  legalComments: "none",
  loader: { ".svg": "file" },
  plugins: [fonts],
  metafile: true,
  write: false
} satisfies BuildOptions

/** The file that an entry became. */
const outputOf = ({ metafile }: Pick<BuildResult<typeof options>, "metafile">, entry: string): string => {
  const [name] = Object.entries(metafile.outputs).find(([, output]) => output.entryPoint === entry) ?? []
  if (name === undefined) throw new Error(`esbuild made nothing of ${entry}`)
  return name
}

type Outputs = BuildResult<typeof options>["metafile"]["outputs"]

/** Scripts that a script cannot begin without, in all depths. */
const neededBy = (outputs: Outputs, name: string, found = new Set<string>()): ReadonlySet<string> => {
  for (const { path: file, kind } of outputs[name]?.imports ?? []) {
    if (kind !== "import-statement" || found.has(file)) continue
    found.add(file)
    neededBy(outputs, file, found)
  }
  return found
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
  // Whole in itself, so that no part of the page is cut out for it.
  const worker = await build({ ...options, entryPoints: ["log/findWorker.ts"] })
  for (const { path: file, contents } of worker.outputFiles) await write(path.basename(file), contents)
  for (const { path: file, contents } of result.outputFiles ?? []) await write(path.basename(file), contents)
  const html = await readFile(path.join(source, "index.html"), "utf8")
  const script = outputOf(result, "main.ts")
  // All at once, not one behind the other.
  const preloads = [...neededBy(result.metafile.outputs, script)].map(
    (file) => `<link rel="modulepreload" href="page/${path.basename(file)}" />`
  )
  const linked = html
    .replace("page.css", path.basename(outputOf(result, "page.css")))
    .replace("later.css", path.basename(outputOf(result, "later.css")))
    .replace("page.js", path.basename(script))
    .replace("find.js", path.basename(outputOf(worker, "log/findWorker.ts")))
    .replace("  </head>", `${preloads.map((link) => `    ${link}\n`).join("")}  </head>`)
  await write("index.html", Buffer.from(linked))
}

const bundle = await context({
  ...options,
  entryPoints: ["main.ts", "page.css", "later.css"],
  plugins: [
    ...options.plugins,
    onTopOfMain,
    flatTemplates,
    { name: "emit", setup: (build) => build.onEnd(emit as never) }
  ]
})
if (process.argv.includes("--watch")) await bundle.watch()
else {
  const { errors } = await bundle.rebuild()
  await bundle.dispose()
  process.exitCode = errors.length === 0 ? 0 : 1
}
