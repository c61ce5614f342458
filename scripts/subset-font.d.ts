declare module "subset-font" {
  /** A font with these characters and features alone; `variationAxes` narrows what it can vary. */
  export default function subsetFont(
    font: Uint8Array,
    text: string,
    options: {
      readonly targetFormat: "woff2"
      readonly keepFeatures?: ReadonlyArray<string>
      readonly dropTables?: ReadonlyArray<string>
      readonly variationAxes?: Readonly<Record<string, { readonly min: number; readonly max: number }>>
    }
  ): Promise<Uint8Array>
}
