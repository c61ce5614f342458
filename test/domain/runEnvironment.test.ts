import { assert, describe, it } from "@effect/vitest"
import { runEnvironment, userEnvironment } from "../../src/domain/runEnvironment.ts"

type Environment = Readonly<Record<string, string | undefined>>

const root = "/srv/looper"
const user = { HOME: "/home/u", PATH: "/usr/local/bin:/usr/bin", LANG: "C.UTF-8" }
const gyp = "/usr/lib/node_modules/npm/node_modules/@npmcli/run-script/lib/node-gyp-bin"
const bins = "/srv/looper/node_modules/.bin:/srv/node_modules/.bin:/node_modules/.bin"

const npm = {
  npm_lifecycle_event: "start",
  npm_node_execpath: "/opt/node/bin/node",
  npm_package_name: "looper",
  INIT_CWD: "/srv/looper",
  NODE: "/opt/node/bin/node",
  COLOR: "0",
  EDITOR: "vi",
  PWD: "/srv/looper"
}

const environments: ReadonlyArray<readonly [what: string, environment: Environment, kept: Environment]> = [
  ["keeps what a user has", { ...user, EDITOR: "vi", NODE: "x" }, { ...user, EDITOR: "vi", NODE: "x" }],
  [
    "drops Looper's and Zulip's variables, whatever their value",
    { ...user, LOOPER_API_TOKEN: "t", LOOPER_RUN_ID: "0a1b2c3d", LOOPER_: "", ZULIP_SITE: "s", ZULIP_X: "" },
    user
  ],
  [
    "keeps variables that only resemble those",
    { ...user, MY_LOOPER_X: "1", looper_x: "2", LOOPER: "3", ZULIPRC: "4", FORCE_COLORS: "5", XZULIP_A: "6" },
    { ...user, MY_LOOPER_X: "1", looper_x: "2", LOOPER: "3", ZULIPRC: "4", FORCE_COLORS: "5", XZULIP_A: "6" }
  ],
  [
    "drops what forces colours",
    { ...user, FORCE_COLOR: "1", CLICOLOR_FORCE: "1", NO_COLOR: "1" },
    { ...user, NO_COLOR: "1" }
  ],
  ["drops what is not set", { ...user, EMPTY: "", ABSENT: undefined }, { ...user, EMPTY: "" }],
  [
    "drops what npm added when npm started Looper",
    { ...user, ...npm, npm_config_cache: "/c", NPM_TOKEN: "t", Npm_Config_X: "y" },
    user
  ],
  [
    "keeps the same names when npm did not start Looper",
    { ...user, ...npm, npm_lifecycle_event: undefined, NPM_TOKEN: "t" },
    { ...user, ...npm, npm_lifecycle_event: undefined, NPM_TOKEN: "t" }
  ],
  [
    "takes an empty npm_lifecycle_event for an unset one",
    { ...user, npm_lifecycle_event: "", PWD: "/x" },
    { ...user, npm_lifecycle_event: "", PWD: "/x" }
  ],
  ["keeps a user's editor under npm", { ...user, ...npm, EDITOR: "emacs" }, { ...user, EDITOR: "emacs" }],
  ["keeps a name that only contains npm's prefix", { ...user, ...npm, MY_npm_X: "1" }, { ...user, MY_npm_X: "1" }],
  ["keeps a user's NODE under npm", { ...user, ...npm, NODE: "/mine" }, { ...user, NODE: "/mine" }]
]

const paths: ReadonlyArray<readonly [what: string, path: string | undefined, kept: string | undefined]> = [
  ["drops npm's block", `${bins}:${gyp}:/a:/b`, "/a:/b"],
  ["drops npm's block of another folder", `/other/node_modules/.bin:${gyp}:/a`, "/a"],
  ["drops npm's own folder alone", `${gyp}:/a`, "/a"],
  ["drops the blocks of nested npms", `${bins}:${gyp}:/x/node_modules/.bin:${gyp}:/a`, "/a"],
  ["keeps a user's bin folders after the block", `${bins}:${gyp}:/u/node_modules/.bin:/a`, "/u/node_modules/.bin:/a"],
  ["keeps Looper's bin folder where a user put it himself", `${bins}:${gyp}:${bins}:/a`, `${bins}:/a`],
  ["keeps a node-gyp-bin that other folders precede", `${bins}:/a:${gyp}:/b`, `/a:${gyp}:/b`],
  ["drops the leading bin folders of root and above where no node-gyp-bin follows", `${bins}:/a`, "/a"],
  ["keeps a leading bin folder of elsewhere", "/srv/loop/node_modules/.bin:/a", "/srv/loop/node_modules/.bin:/a"],
  [
    "keeps a leading bin folder below root",
    "/srv/looper/sub/node_modules/.bin:/a",
    "/srv/looper/sub/node_modules/.bin:/a"
  ],
  ["keeps root's bin folder behind another entry", `/a:${bins}`, `/a:${bins}`],
  ["keeps a path that npm did not touch", "/a:/b", "/a:/b"],
  ["keeps empty entries", `${bins}:${gyp}::/a:`, ":/a:"],
  ["leaves no empty PATH after npm's block", `${bins}:${gyp}`, undefined],
  ["leaves no empty PATH after another manager's", bins, undefined],
  ["leaves an absent PATH absent", undefined, undefined]
]

describe("userEnvironment", () => {
  for (const [what, environment, kept] of environments) {
    it(`${what}`, () => {
      const defined = Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined))
      assert.deepStrictEqual<Environment>(userEnvironment({ environment, root }), defined)
    })
  }

  for (const [what, path, kept] of paths) {
    it(`${what}`, () => {
      const environment = { npm_lifecycle_event: "start", PATH: path }
      assert.deepStrictEqual<Environment>(
        userEnvironment({ environment, root }),
        kept === undefined ? {} : { PATH: kept }
      )
    })
  }

  it("leaves PATH as it is when npm did not start Looper", () =>
    assert.deepStrictEqual(userEnvironment({ environment: { PATH: `${bins}:${gyp}:/a` }, root }), {
      PATH: `${bins}:${gyp}:/a`
    }))

  it("reads a root that ends in a slash, and the root folder", () => {
    for (const root of ["/srv/looper/", "/srv/looper//"]) {
      assert.deepStrictEqual(userEnvironment({ environment: { npm_lifecycle_event: "x", PATH: `${bins}:/a` }, root }), {
        PATH: "/a"
      })
    }
    const environment = { npm_lifecycle_event: "x", PATH: "/node_modules/.bin:/srv/node_modules/.bin" }
    assert.deepStrictEqual(userEnvironment({ environment, root: "/" }), { PATH: "/srv/node_modules/.bin" })
  })
})

describe("runEnvironment", () => {
  const environment = {
    ...user,
    LOOPER_RUN_ID: "old00000",
    LOOPER_RUN_TICKET: "old",
    LOOPER_URL: "old",
    ZULIP_SITE: "s"
  }
  const run = { environment, root, runId: "0a1b2c3d", url: "http://127.0.0.1:3456" }
  const told = { ...user, LOOPER_RUN_ID: "0a1b2c3d", LOOPER_URL: "http://127.0.0.1:3456" }

  it("adds the run's id, Looper's address and the ticket", () =>
    assert.deepStrictEqual<Environment>(runEnvironment({ ...run, ticket: "0a1b2c3d.mac" }), {
      ...told,
      LOOPER_RUN_TICKET: "0a1b2c3d.mac"
    }))

  it("adds no address, nor an inherited one, where there is no server", () => {
    const { LOOPER_URL: _, ...rest } = told
    assert.deepStrictEqual<Environment>(runEnvironment({ ...run, url: undefined }), rest)
  })

  it("adds no ticket, nor an inherited one, where there is none", () => {
    assert.deepStrictEqual<Environment>(runEnvironment(run), told)
    assert.deepStrictEqual<Environment>(runEnvironment({ ...run, ticket: undefined }), told)
  })
})
