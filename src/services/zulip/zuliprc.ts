/** The text of a zuliprc, read as Zulip's own clients read it. */
import { Result } from "effect"

/** Options by section, their names in lower case. */
export type Zuliprc = ReadonlyMap<string, ReadonlyMap<string, string>>

/** Its options count in every other section. */
const defaultSection = "DEFAULT"

interface State {
  readonly sections: Map<string, Map<string, Array<string>>>
  section: { readonly name: string; readonly options: Map<string, Array<string>> } | undefined
  /** The lines of the option to which an indented line adds. */
  value: Array<string> | undefined
  indent: number
}

/** A header's name ends at the last bracket; what follows it is ignored. */
const header = /^\[(.+)\]/
const option = /^(.*?)\s*[=:]\s*(.*)$/
const commentStart = /^[#;]/

/** Takes in one line; answers with what is wrong about it. */
const take = (state: State, line: string): string | undefined => {
  const text = line.trim()
  if (commentStart.test(text)) return undefined
  if (text === "") {
    state.value?.push("")
    return undefined
  }
  const indent = line.search(/\S/)
  if (state.value !== undefined && indent > state.indent) {
    state.value.push(text)
    return undefined
  }
  state.indent = indent
  const [, sectionName] = header.exec(text) ?? []
  return sectionName === undefined ? takeOption(state, text) : takeHeader(state, sectionName)
}

const takeHeader = (state: State, name: string): string | undefined => {
  if (state.sections.has(name) && name !== defaultSection) return `section [${name}] is there twice`
  const options = state.sections.get(name) ?? new Map<string, Array<string>>()
  state.sections.set(name, options)
  state.section = { name, options }
  state.value = undefined
  return undefined
}

const takeOption = (state: State, text: string): string | undefined => {
  if (state.section === undefined) return "there is no [section] before it"
  const [, rawName = "", value = ""] = option.exec(text) ?? []
  const name = rawName.toLowerCase()
  if (name === "") return "it is neither a [section] nor name=value"
  if (state.section.options.has(name)) return `section [${state.section.name}] has this option twice`
  state.value = [value]
  state.section.options.set(name, state.value)
  return undefined
}

/**
 * The sections of the text, or what is wrong with it, without its words: they may be a secret.
 *
 * **Details** Names of options ignore case, `=` or `:` ends them. Lines that begin with `#` or `;` are comments; later
 * on a line they belong to the value. An indented line goes on with the value above. `%%` stands for `%`.
 *
 * **Source** configparser in Python's library reference, with its defaults.
 */
export const parseZuliprc = (text: string): Result.Result<Zuliprc, string> => {
  const state: State = { sections: new Map(), section: undefined, value: undefined, indent: 0 }
  for (const [index, line] of text.split(/\r\n|[\r\n]/).entries()) {
    const problem = take(state, line)
    if (problem !== undefined) return Result.fail(`line ${index + 1}: ${problem}`)
  }
  const shared = state.sections.get(defaultSection) ?? []
  const sections = new Map<string, Map<string, string>>()
  for (const [name, options] of state.sections) {
    if (name === defaultSection) continue
    const lines = [...new Map([...shared, ...options])]
    const values = lines.map(([key, value]): [string, string] => [key, value.join("\n").trimEnd()])
    const wrong = values.find(([, value]) => /%/.test(value.replaceAll("%%", "")))
    if (wrong !== undefined) return Result.fail(`section [${name}]: a % in a value must be written %%`)
    sections.set(name, new Map(values.map(([key, value]) => [key, value.replaceAll("%%", "%")])))
  }
  return Result.succeed(sections)
}
