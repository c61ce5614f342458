declare module "subset-font" {
  /** A font with these characters alone; `variationAxes` narrows what it can vary. */
  export default function subsetFont(
    font: Uint8Array,
    text: string,
    options: {
      readonly targetFormat: "woff2"
      readonly variationAxes?: Readonly<Record<string, { readonly min: number; readonly max: number }>>
    }
  ): Promise<Uint8Array>
}
