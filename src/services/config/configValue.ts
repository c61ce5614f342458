/** Single variables of the configuration: how each is read, what it may be, and what its documentation says. */
import { Config, Effect, Redacted, Schema } from "effect"

/** A longer value is cut where it is shown. */
const shownCharacters = 100

/** A variable has a value that is not allowed; Looper does not start. */
export class ConfigInvalid extends Schema.TaggedError<ConfigInvalid>()("ConfigInvalid", {
  variable: Schema.String,
  /** `undefined` where the value is a secret. */
  value: Schema.UndefinedOr(Schema.String),
  allowed: Schema.String
}) {
  override get message(): string {
    const { variable, value = "" } = this
    const shown = value.length > shownCharacters ? `${value.slice(0, shownCharacters)}…` : value
    const is = this.value === undefined ? "" : ` is ${JSON.stringify(shown)}`
    return `${variable}${is}: allowed is ${this.allowed}`
  }
}

/** How a variable's text becomes its value, and the words for what it may be. */
export interface Kind<A> {
  readonly allowed: string
  readonly decode: (text: string) => A | undefined
}

/** One value of the configuration: the one definition of its names, bounds, default and documentation. */
export interface Variable<A> {
  /** The first that is set counts; later ones are older or official names. */
  readonly names: ReadonlyArray<string>
  readonly allowed: string
  /** The default as the documentation shows it; none where unset means off. */
  readonly fallback: string
  readonly about: string
  readonly read: Effect.Effect<A, ConfigInvalid>
}

/** The first of `names` that is set; an empty variable counts as unset. */
const textOf = (names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    for (const name of names) {
      const value = yield* Effect.orDie(Config.withDefault(Config.String(name), ""))
      if (value !== "") return { name, value }
    }
    return undefined
  })

/** A variable that may be left out. */
export const optional = <A>(options: {
  readonly names: ReadonlyArray<string>
  readonly kind: Kind<A>
  readonly about: string
}): Variable<A | undefined> => {
  const { names, kind, about } = options
  const read = Effect.gen(function* () {
    const found = yield* textOf(names)
    if (found === undefined) return undefined
    const value = kind.decode(found.value)
    if (value !== undefined) return value
    return yield* new ConfigInvalid({ variable: found.name, value: found.value, allowed: kind.allowed })
  })
  return { names, allowed: kind.allowed, fallback: "", about, read }
}

/** A variable with a default, itself given as the variable's text would be. */
export const variable = <A>(options: {
  readonly names: ReadonlyArray<string>
  readonly kind: Kind<A>
  readonly fallback: string
  readonly about: string
}): Variable<A> => {
  const { kind, fallback } = options
  const given = optional(options)
  const read = Effect.flatMap(given.read, (value) => {
    const decoded = value ?? kind.decode(fallback)
    return decoded === undefined ? Effect.die(new Error(`bad default of ${options.names[0]}`)) : Effect.succeed(decoded)
  })
  return { ...given, fallback, read }
}

/** A secret, from a variable or from the file that `<name>_FILE` names; both set is an error. */
export const secret = (options: {
  readonly names: ReadonlyArray<string>
  readonly readFile: (path: string) => string | undefined
  /** Default: any text. */
  readonly kind?: Kind<string>
  readonly about: string
}): Variable<Redacted.Redacted<string> | undefined> => {
  const { names, readFile, kind = anyText, about } = options
  const fileNames = names.map((name) => `${name}_FILE`)
  const read = Effect.gen(function* () {
    const direct = yield* textOf(names)
    const file = yield* textOf(fileNames)
    const redact = Effect.fnUntraced(function* (variable: string, content: string) {
      const value = content === "" ? undefined : kind.decode(content)
      if (value !== undefined) return Redacted.make(value)
      const allowed = content === "" ? "a secret, not blank" : kind.allowed
      return yield* new ConfigInvalid({ variable, value: undefined, allowed })
    })
    if (file === undefined) return direct && (yield* redact(direct.name, direct.value.trim()))
    const wrong = (allowed: string) => new ConfigInvalid({ variable: file.name, value: file.value, allowed })
    if (direct !== undefined) return yield* wrong(`unset beside ${direct.name}`)
    const content = readFile(file.value)?.trim()
    return content ? yield* redact(file.name, content) : yield* wrong("a readable file with the secret")
  })
  return { names: [...names, ...fileNames], allowed: kind.allowed, fallback: "", about, read }
}

type ValuesOf<Table> = {
  readonly [Key in keyof Table]: Table[Key] extends Variable<infer A> ? A : never
}

/** Reads every variable of a table. */
export const readAll = <Table extends Readonly<Record<string, Variable<unknown>>>>(
  table: Table
): Effect.Effect<ValuesOf<Table>, ConfigInvalid> =>
  Effect.all(Object.fromEntries(Object.entries(table).map(([key, { read }]) => [key, read]))) as Effect.Effect<
    // Entries do not tell which name has which value.
    ValuesOf<Table>,
    ConfigInvalid
  >

/** Any text, as it stands. */
export const anyText: Kind<string> = { allowed: "text", decode: (value) => value }

/** One of these words, blanks around it dropped. */
export const oneOf = <const A extends string>(...values: ReadonlyArray<A>): Kind<A> => ({
  allowed: values.map((value) => `\`${value}\``).join(" or "),
  decode: (value) => values.find((one) => one === value.trim())
})

/** `1`, `true`, `yes`, `on` and `0`, `false`, `no`, `off`, in any case. */
export const flag: Kind<boolean> = {
  allowed: "1, true, yes, on, 0, false, no or off",
  decode: (value) => {
    const word = value.trim().toLowerCase()
    if (["1", "true", "yes", "on"].includes(word)) return true
    return ["0", "false", "no", "off"].includes(word) ? false : undefined
  }
}

/** A whole number from 0 to `maximum`, in decimal digits. */
export const integer = (maximum: number): Kind<number> => ({
  allowed: `a whole number from 0 to ${maximum}`,
  decode: (value) => {
    const number = /^\d+$/.test(value.trim()) ? Number(value) : Number.NaN
    return number <= maximum ? number : undefined
  }
})

/** Words separated by commas, blanks around them dropped. */
export const list: Kind<ReadonlyArray<string>> = {
  allowed: "words separated by commas",
  decode: (value) =>
    value
      .split(",")
      .map((word) => word.trim())
      .filter((word) => word !== "")
}
