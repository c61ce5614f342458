/** What the band says beside a run that just works, as one file: loaded when it is needed first. */
export { refusedStart } from "./endedBand.ts"
export { idleBand } from "./idleBand.ts"
export { shuttingDownBand } from "./shuttingDownBand.ts"
export { goneBand, startingBand } from "./startingBand.ts"
export { stopBand } from "./stopBand.ts"
