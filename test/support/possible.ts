/** Whether a test can be run on this machine; where not, one line says why. */
export const isPossible = (isSo: boolean, need: string): boolean => {
  if (!isSo) console.warn(`not run: it needs ${need}`)
  return isSo
}
