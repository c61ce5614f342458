/** What node-server takes of `fetch`, without which most of its answers go out. */

type Name = "Headers" | "Request" | "Response"

/** Stands for a class of `fetch` without loading it: it is there as soon as one of its objects is made. */
const later = (name: Name) =>
  class {
    constructor(...given: ReadonlyArray<unknown>) {
      // What a constructor returns is its object, also of a class that extends this one.
      return Reflect.construct(globalThis[name], given)
    }

    static [Symbol.hasInstance](value: unknown): boolean {
      return Object.prototype.toString.call(value) === `[object ${name}]`
    }

    get [Symbol.toStringTag](): Name {
      return name
    }
  }

/**
 * The bundle gives these to node-server as its global object.
 *
 * **Details** `fetch` with all that it is made of takes as long to load as Hono and node-server together, and node-server
 * extends its classes as soon as it is loaded.
 */
export const fetchClasses = { Headers: later("Headers"), Request: later("Request"), Response: later("Response") }
