/** The identity of a request and of the run it starts. */
import { Schema } from "effect"

/** 8 hex digits; an autopoll tick's has `auto` before them. */
export const RequestId = Schema.String.check(Schema.isPattern(/^(auto)?[0-9a-f]{8}$/u))
/** 8 hex digits, perhaps behind `auto`. */
export type RequestId = typeof RequestId.Type
