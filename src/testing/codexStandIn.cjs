/** The program behind the codex stand-in; its steps are documented in CodexStandIn.ts. */
"use strict"
const { execFileSync, spawn } = require("node:child_process")
const fs = require("node:fs")
const http = require("node:http")

/** Who waits for the file never reads half of it. */
const writeWhole = (path, text) => {
  fs.writeFileSync(`${path}.part`, text)
  fs.renameSync(`${path}.part`, path)
}

const valueOptions = new Set(
  (
    "-c --config --enable --disable --remote --remote-auth-token-env -m --model --local-provider -p --profile " +
    "-s --sandbox -C --cd --add-dir -a --ask-for-approval"
  ).split(" ")
)

/** The file that repeats the output, once a step has named it. */
let copyPath

/** Splits codex' command line into subcommand, workspace and prompt. */
const parseArguments = (argv) => {
  const positionals = []
  let workspace = process.cwd()
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index]
    if (word === "--") {
      positionals.push(...argv.slice(index + 1))
      break
    }
    if (valueOptions.has(word)) {
      index++
      if (word === "-C" || word === "--cd") workspace = argv[index]
    } else if (!word.startsWith("-") || word === "-") positionals.push(word)
  }
  return { subcommand: positionals[0], workspace, prompt: positionals.slice(1).at(-1) }
}

const parseSteps = (prompt) => {
  for (const text of [prompt, prompt.slice(prompt.indexOf("\n") + 1)]) {
    try {
      const steps = JSON.parse(text)
      if (Array.isArray(steps)) return steps
    } catch {}
  }
  return undefined
}

/** Writes every byte, waiting where a pipe is full. */
const writeAll = (fd, bytes) => {
  let offset = 0
  while (offset < bytes.length) {
    try {
      offset += fs.writeSync(fd, bytes, offset)
    } catch (error) {
      if (error.code !== "EAGAIN") throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
  if (copyPath !== undefined) fs.appendFileSync(copyPath, bytes)
}

const flood = ({ bytes, lineLength = 100 }) => {
  let line = 0
  for (let left = bytes; left > 0; ) {
    const count = Math.max(1, Math.ceil(Math.min(left, 65_536) / lineLength))
    const lines = Array.from({ length: count }, () => `line ${line++} `.padEnd(lineLength - 1, "x") + "\n")
    const chunk = Buffer.from(lines.join("")).subarray(0, left)
    writeAll(1, chunk)
    left -= chunk.length
  }
}

/** perl and python3 can enter a group of their own before exec; Node cannot. */
const inOwnGroup = (command) => {
  const launchers = [
    ["perl", "-e", "setpgrp(0, 0); exec { $ARGV[0] } @ARGV"],
    ["python3", "-c", "import os, sys; os.setpgid(0, 0); os.execvp(sys.argv[1], sys.argv[1:])"]
  ]
  for (const launcher of launchers) {
    try {
      execFileSync(launcher[0], ["--version"], { stdio: "ignore" })
      return [...launcher, ...command]
    } catch {}
  }
  throw new Error("a child in its own group needs perl or python3")
}

/** Starts a child and waits for the pid it writes to descriptor 3; a daemon's first process must be gone too. */
const startChild = async (child) => {
  const env = { ...process.env }
  if (child.dropsMarker) delete env.LOOPER_RUN_ID
  const program = [process.execPath, __filename, "--child", JSON.stringify({ ...child, copyPath })]
  const command =
    child.kind === "ownGroup"
      ? inOwnGroup(program)
      : child.kind === "daemon"
        ? ["/bin/sh", "-c", '"$@" &', "sh", ...program]
        : program
  const output = child.holdsOutput ? "inherit" : "ignore"
  const started = spawn(command[0], command.slice(1), {
    detached: child.kind === "session" || child.kind === "daemon",
    env,
    stdio: ["ignore", output, output, "pipe"]
  })
  const ended = new Promise((resolve) => started.once("exit", resolve))
  const pid = await new Promise((resolve, reject) => {
    started.once("error", reject)
    started.stdio[3].once("data", (data) => resolve(Number(data)))
    started.stdio[3].once("end", () => reject(new Error("the child ended before it was ready")))
  })
  started.stdio[3].destroy()
  if (child.kind === "daemon") await ended
  if (child.pidTo !== undefined) fs.appendFileSync(child.pidTo, `${pid}\n`)
}

/** What a started child does, in its own process. */
const liveAsChild = (child) => {
  copyPath = child.holdsOutput ? child.copyPath : undefined
  if (child.ignoresTerm) process.on("SIGTERM", () => {})
  const beat = () => fs.appendFileSync(child.heartbeat, ".")
  if (child.heartbeat !== undefined) {
    beat()
    setInterval(beat, 20)
  }
  let line = 0
  const print = () => writeAll(1, Buffer.from(`child ${process.pid} ${++line}\n`))
  if (child.printsEveryMillis !== undefined) setInterval(print, child.printsEveryMillis)
  setInterval(() => {}, 2 ** 30)
  fs.writeSync(3, `${process.pid}\n`)
  fs.closeSync(3)
}

const startForkStorm = ({ perSecond, ignoresTerm, sessions }) => {
  const sleeper = `${sessions ? "setsid " : ""}sleep 1000000`
  const perTick = Math.max(1, Math.round(perSecond / 50))
  const program = `${ignoresTerm ? "trap '' TERM; " : ""}total=0
    while [ $total -lt 2000 ]; do
      count=0
      while [ $count -lt ${perTick} ]; do ${sleeper} & count=$((count + 1)); done
      total=$((total + count))
      sleep ${perTick / perSecond}
    done
    wait`
  spawn("/bin/sh", ["-c", program], { stdio: "ignore" })
}

const requestInProcess = (url, headers, payload) =>
  new Promise((resolve) => {
    const request = http.request(url, { method: "POST", headers, agent: false }, (response) => {
      let body = ""
      response.setEncoding("utf8").on("data", (chunk) => (body += chunk))
      response.on("end", () => resolve({ status: response.statusCode, body }))
      response.on("error", (error) => resolve({ error: error.message }))
    })
    request.on("error", (error) => resolve({ error: error.message }))
    request.end(payload)
  })

/** Runs curl, or this program where there is none, and reads `<body>\n<status>` from it. */
const requestViaChild = (url, headers, payload) =>
  new Promise((resolve) => {
    const words = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`])
    const curl = ["curl", "-sS", "-w", "\n%{http_code}", ...words, "--data-binary", "@-", url]
    const node = [process.execPath, __filename, "--post", url, JSON.stringify(headers)]
    const run = (command, otherwise) => {
      const client = spawn(command[0], command.slice(1), { stdio: ["pipe", "pipe", "ignore"] })
      let text = ""
      client.stdout.setEncoding("utf8").on("data", (chunk) => (text += chunk))
      client.stdin.on("error", () => {})
      client.on("error", otherwise)
      client.on("close", (code) => {
        if (client.pid === undefined) return
        const cut = text.lastIndexOf("\n")
        const answer = { status: Number(text.slice(cut + 1)), body: text.slice(0, Math.max(cut, 0)) }
        resolve(code === 0 ? answer : { error: `the client ended with ${code}` })
      })
      client.stdin.end(payload)
    }
    run(curl, () => run(node, (error) => resolve({ error: error.message })))
  })

/** The `--post` form: the client process where curl is missing. */
const postAsClient = async (url, headers) => {
  const answer = await requestInProcess(url, JSON.parse(headers), fs.readFileSync(0))
  if (answer.error !== undefined) process.exit(1)
  fs.writeSync(1, `${answer.body}\n${answer.status}`)
}

const post = async ({ path, body, token = "ticket", viaChild, answerTo }) => {
  const bearer = token === "ticket" ? process.env.LOOPER_RUN_TICKET : token
  const headers = { "Content-Type": "application/json", ...(bearer ? { Authorization: `Bearer ${bearer}` } : {}) }
  const send = viaChild ? requestViaChild : requestInProcess
  const answer = await send(new URL(path, process.env.LOOPER_URL).href, headers, JSON.stringify(body))
  if (answerTo !== undefined) fs.appendFileSync(answerTo, `${JSON.stringify(answer)}\n`)
}

const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis))

const hang = () => new Promise(() => setInterval(() => {}, 2 ** 30))

const actions = {
  print: (text) => writeAll(1, Buffer.from(text)),
  printError: (text) => writeAll(2, Buffer.from(text)),
  printBase64: (text) => writeAll(1, Buffer.from(text, "base64")),
  printTimes: ({ text, times }) => writeAll(1, Buffer.from(text.repeat(times))),
  flood,
  copyTo: (path) => void (copyPath = path),
  ignore: (signals) => signals.forEach((signal) => process.on(signal, () => {})),
  child: startChild,
  forkStorm: startForkStorm,
  stopSelf: () => process.kill(process.pid, "SIGSTOP"),
  sleep,
  hang,
  writeFile: ({ path, text }) => fs.writeFileSync(path, text),
  appendPid: (path) => fs.appendFileSync(path, `${process.pid}\n`),
  waitForFile: async (path) => {
    while (!fs.existsSync(path)) await sleep(5)
  },
  post,
  environmentTo: (path) => writeWhole(path, JSON.stringify(process.env)),
  argvTo: (path) => writeWhole(path, JSON.stringify(process.argv.slice(2))),
  exit: (code) => process.exit(code),
  kill: (signal) => {
    process.kill(process.pid, signal)
    return hang()
  }
}

const runSteps = async (steps) => {
  for (const step of steps) {
    const [name, value] = Object.entries(step)[0]
    if (!Object.hasOwn(actions, name)) throw new Error(`the codex stand-in has no step '${name}'`)
    await actions[name](value)
  }
}

/** The shape of codex' own output: the talk on stderr, the last message on stdout. */
const answer = (workspace, prompt) => {
  const rule = "-".repeat(8)
  const header = `OpenAI Codex (stand-in)\n${rule}\nworkdir: ${workspace}\napproval: never\n${rule}\nuser\n${prompt}\n`
  writeAll(2, Buffer.from(`${header}codex\n`))
  writeAll(1, Buffer.from("Done.\n"))
}

const main = async (argv) => {
  if (argv[0] === "--version") return writeAll(1, Buffer.from("codex-cli 0.0.0-stand-in\n"))
  const { subcommand, workspace, prompt } = parseArguments(argv)
  if ((subcommand !== "exec" && subcommand !== "e") || prompt === undefined) {
    writeAll(2, Buffer.from("usage: codex [options] exec [options] <prompt>\n"))
    process.exit(2)
  }
  const steps = parseSteps(prompt)
  if (steps === undefined) answer(workspace, prompt)
  else await runSteps(steps)
  process.exit(0)
}

const [form, ...rest] = process.argv[1] === __filename ? process.argv.slice(2) : []
if (form === "--child") liveAsChild(JSON.parse(rest[0]))
else if (form === "--post") postAsClient(...rest)
else
  main(process.argv.slice(2)).catch((error) => {
    fs.writeSync(2, `codex stand-in: ${error.message}\n`)
    process.exit(70)
  })
