/** Single variables of the configuration: where they are read and what they may be. */
import { Config, Effect, Redacted, Schema } from "effect"

/** A variable has a value that is not allowed; Looper does not start. */
export class ConfigInvalid extends Schema.TaggedError<ConfigInvalid>()("ConfigInvalid", {
  variable: Schema.String,
  /** `undefined` where the value is a secret. */
  value: Schema.UndefinedOr(Schema.String),
  allowed: Schema.String
}) {
  override get message(): string {
    const value = this.value === undefined ? "" : ` is ${JSON.stringify(this.value)}`
    return `${this.variable}${value}: allowed is ${this.allowed}`
  }
}

/** How a variable's text becomes its value, and the sentence for a text that does not. */
export interface Kind<A> {
  readonly allowed: string
  readonly decode: (text: string) => A | undefined
}

/** The text of the first of `names` that is set; an empty variable counts as unset. */
export const text = (...names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    for (const name of names) {
      const value = yield* Config.String(name).pipe(
        Config.withDefault(""),
        Effect.mapError(() => new ConfigInvalid({ variable: name, value: undefined, allowed: "text" }))
      )
      if (value !== "") return { name, value }
    }
    return undefined
  })

/** The decoded value of the first of `names` that is set. */
export const optional = <A>(kind: Kind<A>, ...names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const found = yield* text(...names)
    if (found === undefined) return undefined
    const decoded = kind.decode(found.value)
    if (decoded === undefined) {
      return yield* new ConfigInvalid({ variable: found.name, value: found.value, allowed: kind.allowed })
    }
    return decoded
  })

export const withDefault = <A>(kind: Kind<A>, fallback: A, ...names: ReadonlyArray<string>) =>
  Effect.map(optional(kind, ...names), (value) => value ?? fallback)

/** A secret from one of `names`, or from the file that `<name>_FILE` names; both set is an error. */
export const secret = (readFile: (path: string) => string | undefined, ...names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const direct = yield* text(...names)
    const file = yield* text(...names.map((name) => `${name}_FILE`))
    if (file === undefined) {
      const value = direct?.value.trim()
      // An empty secret would be shown by an empty header, and be found in every text.
      if (direct !== undefined && value === "") {
        return yield* new ConfigInvalid({ variable: direct.name, value: undefined, allowed: "a secret, not blank" })
      }
      return value === undefined ? undefined : Redacted.make(value)
    }
    if (direct !== undefined) {
      return yield* new ConfigInvalid({
        variable: file.name,
        value: file.value,
        allowed: `unset beside ${direct.name}`
      })
    }
    const content = readFile(file.value)?.trim()
    if (content === undefined || content === "") {
      return yield* new ConfigInvalid({
        variable: file.name,
        value: file.value,
        allowed: "a readable file with the secret"
      })
    }
    return Redacted.make(content)
  })

export const anyText: Kind<string> = { allowed: "text", decode: (value) => value }

export const oneOf = <const A extends string>(...values: ReadonlyArray<A>): Kind<A> => ({
  allowed: values.join(" or "),
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

export const integer = (minimum: number, maximum: number): Kind<number> => ({
  allowed: `a whole number from ${minimum} to ${maximum}`,
  decode: (value) => {
    const number = /^\d+$/.test(value.trim()) ? Number(value) : Number.NaN
    return number >= minimum && number <= maximum ? number : undefined
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
