import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { codexOptions } from "../../src/doctor/codexOptions.ts"
import { codexSettings, overridesTable, sandboxNetwork, type SettingsFiles } from "../../src/doctor/codexSettings.ts"

const key = "sandbox_workspace_write.network_access"
const on = `[sandbox_workspace_write]\nnetwork_access = true\n`
const off = `[sandbox_workspace_write]\nnetwork_access = false\n`
const trusting = `[projects."/w"]\ntrust_level = "trusted"\n`

interface Files {
  readonly user?: string
  readonly profile?: string
  readonly project?: string
}

/** Whether these words over these files give the network, or why codex would not start. */
const network = (words: ReadonlyArray<string>, { user, profile, project }: Files = {}) => {
  const files: SettingsFiles = {
    user: { path: "/h/config.toml", text: user },
    profile: words.includes("-p") ? { path: "/h/p.config.toml", text: profile } : undefined,
    project: { path: "/w/.codex/config.toml", text: project }
  }
  const settings = codexSettings({ asked: codexOptions(words), files, workspaces: ["/w"] })
  return Result.match(Result.flatMap(settings, sandboxNetwork), {
    onSuccess: ({ isOn }) => isOn,
    onFailure: (reason) => reason
  })
}

/** As codex 0.169.0 printed them in the header of a run. */
const cases: ReadonlyArray<readonly [words: ReadonlyArray<string>, files: Files, expected: boolean | string]> = [
  [[], {}, false],
  [["-c", `${key}=true`], {}, true],
  [["-c", `${key} = true`], {}, true],
  [["-c", "sandbox_workspace_write={network_access=true}"], {}, true],
  [["-c", `${key}=true`, "-c", `${key}=false`], {}, false],
  [
    ["-c", "sandbox_workspace_write={network_access=true}", "-c", "sandbox_workspace_write.exclude_slash_tmp=true"],
    {},
    true
  ],
  [["-c", `${key}=true`, "-c", "sandbox_workspace_write={exclude_slash_tmp=true}"], {}, false],
  [["-c", '"sandbox_workspace_write".network_access=true'], {}, false],
  [["-c", `${key}="true"`], {}, "sandbox_workspace_write.network_access must be true or false, without quotes"],
  [["-c", `${key}=True`], {}, "sandbox_workspace_write.network_access must be true or false, without quotes"],
  [["-c", `${key}=1`], {}, "sandbox_workspace_write.network_access must be true or false, without quotes"],
  [["-c", "sandbox_workspace_write=1"], {}, "sandbox_workspace_write must be a table"],
  [["-c", "secret"], {}, "an override of CODEX_EXEC_EXTRA_ARGS (-c) has no '='"],
  [["-s", "read-only"], {}, "CODEX_EXEC_EXTRA_ARGS makes --sandbox stand twice"],
  [[], { user: on }, true],
  [[], { user: "sandbox_workspace_write.network_access = true" }, true],
  [[], { user: "sandbox_workspace_write = { network_access = true }" }, true],
  [["-c", `${key}=false`], { user: on }, false],
  [["-c", "sandbox_workspace_write={exclude_slash_tmp=true}"], { user: on }, true],
  [["--ignore-user-config"], { user: on }, false],
  [["--ignore-user-config", "-p", "p"], { user: off, profile: on }, false],
  [["-p", "p"], { user: on, profile: off }, false],
  [["-p", "p"], { user: on }, true],
  [["-p", "p"], { profile: on }, true],
  [[], { profile: on }, false],
  [["-p", "p", "-c", `${key}=true`], { profile: off }, true],
  [[], { project: on }, false],
  [[], { user: trusting, project: on }, true],
  [["-c", `${key}=false`], { user: trusting, project: on }, false],
  [[], { user: `[profiles.q]\nmodel = "x"\n` }, false],
  [
    ["-p", "p"],
    { user: `[profiles.q]\nmodel = "x"\n` },
    "/h/config.toml has `profile` or `[profiles.…]`, which codex no longer takes"
  ],
  [[], { user: `profile = "q"` }, "/h/config.toml has `profile` or `[profiles.…]`, which codex no longer takes"],
  [[], { user: "[sandbox_workspace_write" }, "/h/config.toml is not TOML in line 1, column 2"],
  [[], { user: "big = 9223372036854775807" }, false]
]

describe("codex' network", () => {
  it.each(cases)("with %j and %j is as codex says", (words, files, expected) => {
    assert.strictEqual(network(words, files), expected)
  })

  it("names keys that codex ignores", () => {
    const found = sandboxNetwork({ sandbox_workspace_write: { network_acess: true, writable_roots: [] } })
    assert.deepStrictEqual(Result.getOrThrow(found), { isOn: false, unknownKeys: ["network_acess"] })
  })

  const values = Arbitrary.schema(Schema.Boolean)
  it.prop("is what the last override says", [Arbitrary.array(values, { minLength: 1, maxLength: 8 })], ([list]) => {
    const words = list.flatMap((isOn, index) =>
      index % 2 === 0 ? ["-c", `${key}=${isOn}`] : [`--config=sandbox_workspace_write={ network_access = ${isOn} }`]
    )
    assert.strictEqual(network(words, { user: on }), list.at(-1))
  })
})

const names = Arbitrary.schema(Schema.Literals(["a", "b", "__proto__", "constructor", "é", "x y"]))
const paths = Arbitrary.array(names, { minLength: 1, maxLength: 4 })
const numbers = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: -1_000, maximum: 1_000 })))

/** What stands under a path of own keys. */
const valueAt = (table: unknown, path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>(
    (inner, name) =>
      typeof inner === "object" && inner !== null ? Object.getOwnPropertyDescriptor(inner, name)?.value : undefined,
    table
  )

describe("an override", () => {
  it.prop("sets what its key names, whatever was set before", [paths, paths, numbers], ([first, last, number]) => {
    const overrides = [`${first.join(".")}=1`, `${last.join(".")} = ${number}`]
    const table = Result.getOrThrow(overridesTable(overrides))
    assert.strictEqual(valueAt(table, last), number)
    assert.isUndefined(Object.getOwnPropertyDescriptor(Object.prototype, "a"))
  })

  it.prop("whose value is no TOML is a text, trimmed", [Arbitrary.schema(Schema.String)], ([value]) => {
    const table = Result.getOrThrow(overridesTable([`k= ?${value} `]))
    assert.deepStrictEqual(table, { k: `?${value}`.trim() })
  })
})
