import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import {
  emptyTree,
  growTree,
  type ProcessIdentity,
  type ProcessRow,
  type ProcessTree,
  protectedPids,
  type TreeSeeds
} from "../../src/domain/processTree.ts"

const self = 50
const runId = "0badcafe"

const identity = (pid: number, startTicks = pid): ProcessIdentity => ({ pid, startTicks })

/** A process of init's in a group and session of its own, which nothing ties to a run; it started at tick `pid`. */
const row = (pid: number, over: Partial<ProcessRow> = {}): ProcessRow => ({
  pid,
  startTicks: pid,
  parentPid: 1,
  groupId: pid,
  sessionId: pid,
  isDead: false,
  marker: undefined,
  isSupervisor: false,
  argv: [],
  ...over
})

/** init, a shell, and Looper below it. */
const noSeeds: TreeSeeds = { targets: [], leaders: [], markers: new Set() }

const house = [row(1, { parentPid: 0 }), row(40), row(self, { parentPid: 40, sessionId: 40 })]

const grow = (rows: ReadonlyArray<ProcessRow>, seeds: Partial<TreeSeeds>, tree = emptyTree): ProcessTree =>
  growTree(tree, { rows: [...house, ...rows], seeds: { ...noSeeds, ...seeds }, self })

const ascending = (pids: Iterable<number>) => [...pids].toSorted((a, b) => a - b)
const members = (tree: ProcessTree) => ascending(tree.members.keys())
const supervisors = (tree: ProcessTree) => ascending(tree.supervisors.keys())

const target100 = { targets: [identity(100)] }

const pid = Arbitrary.schema(Schema.Literals([1, 40, self, 100, 101, 102, 103, 104, 105]))
const isSeldom = Arbitrary.map(Arbitrary.schema(Schema.Literals([0, 1, 2, 3])), (number) => number === 0)

/** A row of few possible pids, each with two possible start times. */
const anyRow = Arbitrary.map(
  Arbitrary.all([Arbitrary.all([pid, pid, pid, pid]), Arbitrary.all([isSeldom, isSeldom, isSeldom, isSeldom])]),
  ([[own, parentPid, groupId, sessionId], [isReused, isDead, isSupervisor, isMarked]]) =>
    row(own, {
      startTicks: isReused ? 999 : own,
      parentPid,
      groupId,
      sessionId,
      isDead,
      isSupervisor,
      marker: isMarked ? runId : undefined
    })
)
const anyScan = Arbitrary.map(Arbitrary.array(anyRow, { maxLength: 12 }), (rows) =>
  Array.from(new Map(rows.map((each) => [each.pid, each])).values())
)
const anyIdentities = Arbitrary.array(
  Arbitrary.map(pid, (each) => identity(each)),
  { maxLength: 2 }
)
const anySeeds = Arbitrary.map(
  Arbitrary.all([anyIdentities, anyIdentities]),
  ([targets, leaders]): TreeSeeds => ({ targets, leaders, markers: new Set([runId]) })
)

describe("growTree", () => {
  it("finds a target, and nothing else", () => {
    assert.deepStrictEqual(members(grow([row(100), row(101)], target100)), [100])
    assert.deepStrictEqual(members(grow([row(100)], {})), [])
  })

  it("does not find a target whose pid names another process by now", () => {
    const rows = [row(100, { startTicks: 999 }), row(101, { parentPid: 100 })]
    assert.deepStrictEqual(members(grow(rows, target100)), [])
  })

  it("finds descendants, whatever the order of the rows", () => {
    const rows = [row(103, { parentPid: 102 }), row(102, { parentPid: 101 }), row(101, { parentPid: 100 }), row(100)]
    assert.deepStrictEqual(members(grow(rows, target100)), [100, 101, 102, 103])
  })

  it("finds the group and the session that a member leads", () => {
    const rows = [row(100), row(101, { groupId: 100, sessionId: 7 }), row(102, { sessionId: 100 })]
    assert.deepStrictEqual(members(grow(rows, target100)), [100, 101, 102])
    const led = [row(100), row(101, { parentPid: 100 }), row(102, { sessionId: 101 })]
    assert.deepStrictEqual(members(grow(led, target100)), [100, 101, 102])
  })

  it("leaves alone who only shares a target's group or session", () => {
    const inTerminal = { groupId: 60, sessionId: 60 }
    const rows = [row(60), row(100, { parentPid: 60, ...inTerminal }), row(101, { parentPid: 60, ...inTerminal })]
    assert.deepStrictEqual(members(grow(rows, target100)), [100])
  })

  it("finds the group and the session of a recorded leader, alive or gone", () => {
    const seeds = { leaders: [identity(90)] }
    const rows = [row(101, { sessionId: 90 }), row(102, { groupId: 90 })]
    assert.deepStrictEqual(members(grow([row(90, { isSupervisor: true }), ...rows], seeds)), [101, 102])
    assert.deepStrictEqual(members(grow([row(90, { isDead: true }), ...rows], seeds)), [101, 102])
    assert.deepStrictEqual(members(grow(rows, seeds)), [101, 102])
  })

  it("does not follow a recorded leader whose pid names another process by now", () => {
    const rows = [row(90, { startTicks: 999 }), row(101, { sessionId: 90 }), row(102, { groupId: 90 })]
    assert.deepStrictEqual(members(grow(rows, { leaders: [identity(90)] })), [])
  })

  it("finds carriers of a run's marker, and of no other run's", () => {
    const rows = [row(101, { marker: runId }), row(102, { marker: "deadbeef" }), row(103, { parentPid: 101 })]
    assert.deepStrictEqual(members(grow(rows, { markers: new Set([runId]) })), [101, 103])
  })

  it("keeps the supervisor apart from the members it leads to", () => {
    const supervisor = row(90, { parentPid: self, isSupervisor: true, marker: runId })
    const rows = [supervisor, row(100, { parentPid: 90, sessionId: 90 }), row(101, { sessionId: 90 })]
    for (const seeds of [target100, { leaders: [identity(90)] }, { markers: new Set([runId]) }]) {
      const tree = grow(rows, seeds)
      assert.deepStrictEqual([members(tree), supervisors(tree)], [[100, 101], [90]])
    }
  })

  it("leaves a supervisor alone that leads to no member", () => {
    const rows = [row(90, { isSupervisor: true }), row(91, { parentPid: 90, sessionId: 90 }), row(100)]
    const tree = grow(rows, target100)
    assert.deepStrictEqual([members(tree), supervisors(tree)], [[100], []])
  })

  it("never takes pid 1, Looper or its ancestors, whatever ties them to a run", () => {
    const tied = { marker: runId, sessionId: 100, groupId: 100 }
    const rows = [row(1, { parentPid: 0, ...tied }), row(40, tied), row(self, { parentPid: 40, ...tied }), row(100)]
    const seeds = { targets: [1, 40, self, 100].map((pid) => identity(pid)), leaders: [], markers: new Set([runId]) }
    assert.deepStrictEqual(members(growTree(emptyTree, { rows, seeds, self })), [100])
  })

  it("does not reach through Looper and its ancestors to their children, groups and sessions", () => {
    const rows = [
      row(101, { parentPid: self }),
      row(102, { parentPid: 40 }),
      row(103, { sessionId: 40, groupId: 40 }),
      row(104, { parentPid: 1, groupId: 1, sessionId: 1 })
    ]
    const protectedOnes = [1, 40, self].map((pid) => identity(pid))
    assert.deepStrictEqual(members(grow(rows, { targets: protectedOnes, leaders: protectedOnes })), [])
    const before = { members: new Map(protectedOnes.map((each) => [each.pid, each])), supervisors: new Map() }
    assert.deepStrictEqual(members(grow(rows, noSeeds, before)), [1, 40, self])
  })

  it("takes the other children of an ancestor that is a member's descendant", () => {
    const rows = [
      row(1, { parentPid: 0 }),
      row(100, { marker: runId }),
      row(self, { parentPid: 100 }),
      row(101, { marker: runId })
    ]
    const seeds = { targets: [identity(100)], leaders: [], markers: new Set([runId]) }
    assert.deepStrictEqual(members(growTree(emptyTree, { rows, seeds, self })), [101])
  })

  it("ignores the dead", () => {
    const rows = [row(100, { isDead: true }), row(101, { isDead: true, marker: runId })]
    const tree = grow(rows, { ...target100, markers: new Set([runId]) })
    assert.deepStrictEqual([members(tree), supervisors(tree)], [[], []])
  })

  it("keeps a member that has left parent, group and session", () => {
    const first = grow([row(100), row(101, { parentPid: 100 })], target100)
    const second = grow([row(101)], target100, first)
    assert.deepStrictEqual(members(second), [100, 101])
    const third = grow([row(101), row(102, { parentPid: 101 }), row(103, { sessionId: 100 })], target100, second)
    assert.deepStrictEqual(members(third), [100, 101, 102, 103])
  })

  it("takes neither the process that got a member's pid, nor what that one started", () => {
    const first = grow([row(100)], target100)
    const rows = [row(100, { startTicks: 999 }), row(101, { parentPid: 100 }), row(102, { sessionId: 100 })]
    const second = grow(rows, target100, first)
    assert.deepStrictEqual([...second.members.values()], [identity(100)])
  })

  it("ends where a supervisor has got the pid of a member", () => {
    const markers = new Set([runId])
    const first = grow([row(100, { marker: runId })], { markers })
    const second = grow([row(100, { startTicks: 999, isSupervisor: true, marker: runId })], { markers }, first)
    assert.deepStrictEqual([...second.supervisors.values()], [identity(100, 999)])
  })

  it.prop(
    "only grows, and finds nothing more in the same rows",
    [anyScan, anyScan, anySeeds],
    ([earlier, rows, seeds]) => {
      const first = growTree(emptyTree, { rows: earlier, seeds, self })
      const second = growTree(first, { rows, seeds, self })
      assert.includeMembers(members(second), members(first))
      assert.includeMembers(supervisors(second), supervisors(first))
      assert.deepStrictEqual(growTree(second, { rows, seeds, self }), second)
      const excluded = protectedPids(rows, self)
      for (const pid of members(second).filter((each) => !first.members.has(each))) {
        const added = rows.find((each) => each.pid === pid)
        assert.isTrue(added !== undefined && !added.isDead && !added.isSupervisor && !excluded.has(pid))
      }
    },
    { arbitrary: { runs: 2_000 } }
  )
})

describe("protectedPids", () => {
  it("are pid 1, Looper and its ancestors", () => {
    const rows = [row(30), row(40, { parentPid: 30 }), row(self, { parentPid: 40 }), row(60, { parentPid: 40 })]
    assert.deepStrictEqual(ascending(protectedPids(rows, self)), [0, 1, 30, 40, self])
  })

  it("end where a parent is not to be seen, or where parents go round in a circle", () => {
    assert.deepStrictEqual(ascending(protectedPids([row(self, { parentPid: 40 })], self)), [0, 1, 40, self])
    const circle = [row(self, { parentPid: 40 }), row(40, { parentPid: self })]
    assert.deepStrictEqual(ascending(protectedPids(circle, self)), [0, 1, 40, self])
  })
})
