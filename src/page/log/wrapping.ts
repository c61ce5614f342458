/** Whether long lines are wrapped: kept for a narrow window and for a wide one. */
import { keep, kept } from "../storage.ts"

const narrow = () => matchMedia("(max-width: 820px)")
const key = () => (narrow().matches ? "looper.wrap.narrow" : "looper.wrap")

/** Where nobody chose they are wrapped in a narrow window alone. */
export const isWrapped = (): boolean => (kept("localStorage", key()) ?? (narrow().matches ? "1" : "0")) === "1"

/** For windows as wide as this one. */
export const keepWrapped = (isOn: boolean): void => keep("localStorage", key(), isOn ? "1" : "0")

/** Calls back where a window becomes narrow, or wide. */
export const onWidth = (changed: () => void): void => narrow().addEventListener("change", changed)
