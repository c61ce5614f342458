/** docs/operation.md and the files of deploy/, against the configuration and the checkout. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { configTable } from "../../src/services/config/configTable.ts"

const checkout = join(import.meta.dirname, "../..")
const textOf = (path: string): string => readFileSync(join(checkout, path), "utf8")
const page = textOf("docs/operation.md")
const unit = textOf("deploy/systemd/looper.service")
const leave = textOf("deploy/systemd/looper.service.d/leave.conf")
const dockerfile = textOf("deploy/docker/Dockerfile")
const compose = textOf("deploy/docker/compose.yaml")

const deployed = readdirSync(join(checkout, "deploy"), { recursive: true, encoding: "utf8" })
  .map((name) => join("deploy", name))
  .filter((name) => statSync(join(checkout, name)).isFile())
const table = configTable("/")
const known = Object.values(table).flatMap(({ names }) => names)
const ofClients = ["LOOPER_URL"]
/** The compose file's own, for whoever calls docker. */
const ofCompose = ["LOOPER_WORKSPACE"]

const all = (pattern: RegExp, text: string): ReadonlyArray<string> =>
  [...text.matchAll(pattern)].map((match) => match[1] ?? "")
const variablesIn = (text: string) => all(/\b((?:LOOPER|CODEX_EXEC|ZULIP)_[A-Z_]*[A-Z])\b/g, text)
/** The values of a unit's lines `name=…`. */
const settings = (text: string, name: string) => all(new RegExp(`^${name}=(.*)$`, "gm"), text)

const graceSeconds = Number(/`LOOPER_SHUTDOWN_GRACE_SECONDS` \| `(\d+)`/.exec(textOf("docs/configuration.md"))?.[1])

describe("docs/operation.md", () => {
  it("names no variable that does not exist", () => {
    for (const name of variablesIn(page)) assert.include([...known, ...ofClients], name)
  })

  it("names every file of deploy/, and no file that does not exist", () => {
    const links = all(/\]\(([^)#]+)\)/g, page).map((path) => join("docs", path))
    const paths = all(/\b(deploy\/[\w./-]+[\w])/g, page)
    for (const path of [...links, ...paths]) assert.isTrue(existsSync(join(checkout, path)), path)
    for (const file of deployed) assert.include([...links, ...paths], file)
  })

  it("explains no protection away that the unit has", () => {
    const [, leftOut = ""] = page.split("Left out on purpose:")
    const [rows = ""] = leftOut.split("\n## ")
    for (const option of ["MemoryDenyWriteExecute", "ProcSubset", "ProtectProc", "PrivateUsers"]) {
      assert.include(rows, `\`${option}`)
      assert.deepStrictEqual(settings(unit, option), [])
    }
    assert.deepStrictEqual(settings(unit, "RestrictNamespaces"), ["user mnt pid net ipc uts"])
    assert.include(settings(unit, "RestrictAddressFamilies")[0], "AF_NETLINK")
  })
})

describe("deploy/", () => {
  it.each(deployed)("%s names no variable that does not exist", (file) => {
    for (const name of variablesIn(textOf(file))) assert.include([...known, ...ofCompose], name)
  })

  it("is in the package", () => {
    assert.include(JSON.parse(textOf("package.json")).files, "deploy")
  })

  it("waits longer for a stop than Looper may take", () => {
    assert.isAbove(graceSeconds, 0)
    const waits = [...settings(unit, "TimeoutStopSec"), ...all(/stop_grace_period: (\d+)s/g, compose)].map(Number)
    assert.lengthOf(waits, 2)
    for (const wait of waits) assert.isAtLeast(wait, graceSeconds + 5)
  })

  it("starts Looper at boot and after a crash", () => {
    assert.deepStrictEqual(settings(unit, "WantedBy"), ["multi-user.target"])
    assert.deepStrictEqual(settings(unit, "Restart"), ["on-failure"])
    assert.deepStrictEqual(all(/^ +restart: (.+)$/gm, compose), ["unless-stopped"])
  })

  it("names the user that reads the container's token", () => {
    assert.deepStrictEqual(all(/^USER (.+)$/gm, dockerfile), ["node"])
    assert.deepStrictEqual(all(/^ +file: (.+)$/gm, compose), ["./token"])
    assert.match(page, /^- `token`, .* has to be readable by uid 1000 /m)
  })

  it("stops Looper first and its run by Looper, or leaves the run alone", () => {
    assert.deepStrictEqual(settings(unit, "KillMode"), ["mixed"])
    assert.deepStrictEqual(settings(leave, "KillMode"), ["process"])
    assert.deepStrictEqual(settings(leave, "Environment"), ["LOOPER_ON_SHUTDOWN=leave"])
  })

  it("refuses a forbidden system call without killing its caller", () => {
    assert.lengthOf(settings(unit, "SystemCallFilter"), 1)
    assert.deepStrictEqual(settings(unit, "SystemCallErrorNumber"), ["EPERM"])
  })

  it("keeps /tmp writable where it is not private", () => {
    assert.deepStrictEqual(settings(leave, "PrivateTmp"), ["no"])
    assert.deepStrictEqual(settings(leave, "ReadWritePaths"), ["/tmp /var/tmp"])
  })
})

describe("the Dockerfile", () => {
  const copied = all(/^COPY ((?!--from=).+) \S+$/gm, dockerfile).flatMap((words) => words.split(" "))

  it("copies what exists, and .dockerignore lets nothing else in", () => {
    const allowed = all(/^!(.+)$/gm, textOf(".dockerignore"))
    assert.deepStrictEqual([...new Set(copied)].toSorted(), allowed.toSorted())
    for (const path of copied) assert.isTrue(existsSync(join(checkout, path)), path)
    assert.strictEqual(textOf(".dockerignore").split("\n")[0], "*")
  })

  it("copies all that its Looper imports", () => {
    const folders = copied.filter((path) => statSync(join(checkout, path)).isDirectory())
    const sources = folders.flatMap((folder) =>
      readdirSync(join(checkout, folder), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".ts"))
        .map((name) => join(folder, name))
    )
    for (const source of sources)
      for (const imported of all(/from "(\.[^"]+)"/g, textOf(source))) {
        const path = join(source, "..", imported)
        assert.isTrue(
          copied.some((word) => path === word || path.startsWith(`${word}/`)),
          `${source}: ${imported}`
        )
      }
  })

  it("has in its last stage what was built, without the source and what builds it", () => {
    const last = dockerfile.slice(dockerfile.lastIndexOf("\nFROM "))
    assert.deepStrictEqual(all(/^COPY (.+) \S+$/gm, last), [
      "package.json package-lock.json .npmrc",
      "looper.js nodeAgain.js send-zulip-dm.js",
      "scripts/run-codex-task.sh",
      "--from=build /opt/looper/dist"
    ])
    assert.match(last, /^RUN npm ci --omit=dev --ignore-scripts /m)
  })

  it("runs Looper under tini, as no root, and is stopped by SIGTERM", () => {
    assert.match(dockerfile, /^ENTRYPOINT \["tini", "--", "node", "\/opt\/looper\/looper\.js"\]\nCMD \["serve"\]$/m)
    assert.match(dockerfile, /^USER node$/m)
    assert.match(dockerfile, /^STOPSIGNAL SIGTERM$/m)
    assert.match(dockerfile, /^HEALTHCHECK [\s\S]*?\/health"$/m)
  })

  it("has a Node that runs Looper", () => {
    const major = Number(/^ARG NODE_IMAGE=node:(\d+)-/m.exec(dockerfile)?.[1])
    const [least] = /\d+/.exec(JSON.parse(textOf("package.json")).engines.node) ?? []
    assert.isAtLeast(major, Number(least))
  })

  it("keeps in volumes what Looper and codex write", () => {
    const volumes: ReadonlyArray<string> = JSON.parse(/^VOLUME (.+)$/m.exec(dockerfile)?.[1] ?? "[]")
    const written = all(/(?:CODEX_EXEC_LOG_DIR|CODEX_HOME|LOOPER_DEFAULT_WORKSPACE)=(\S+)/g, dockerfile)
    assert.deepStrictEqual(written.toSorted(), [...volumes].toSorted())
  })
})
