/** What the band says while no run works, as one file: loaded when it is needed first. */
export { idleBand } from "./idleBand.ts"
export { shuttingDownBand } from "./shuttingDownBand.ts"
export { goneBand, startingBand } from "./startingBand.ts"
