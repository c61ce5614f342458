/** A file that the build puts beside the script; its address, from there. */
declare module "*.svg" {
  const address: string
  export default address
}
