import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { OsPath } from "../base/paths.ts";
import { importPackage } from "../fs/optionalPackage.ts";

/** Files that drawing needs. Default: those of the packages `@resvg/resvg-wasm` and `@expo-google-fonts/inter`. */
export interface PngAssets {
  readonly wasm: OsPath;
  /** A TrueType font; it stands for every family that a chart names. */
  readonly font: OsPath;
}

/** Pixels for each pixel of the chart: sharp on today's screens and in print. */
const ZOOM = 2;
const FAMILY = "Inter";
/** What texts of the charts are set in; the package names it so. */
const FONT = "@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf";

let ready: Promise<void> | undefined;

/**
 * Draws an SVG text as a PNG image, on white. Nothing is loaded from files or the network on the SVG's behalf.
 * @throws {ConfigError} when a package is missing
 */
export async function pngOf(svg: string, assets?: PngAssets): Promise<Uint8Array> {
  const name = "@resvg/resvg-wasm";
  const { initWasm, Resvg } = await importPackage(name, "plots as PNG", () => import("@resvg/resvg-wasm"));
  ready ??= initWasm(readFileSync(assets?.wasm ?? fileOf(`${name}/index_bg.wasm`)));
  await ready;
  const drawing = new Resvg(svg, {
    background: "white",
    fitTo: { mode: "zoom", value: ZOOM },
    font: {
      fontBuffers: [readFileSync(assets?.font ?? fileOf(FONT))],
      defaultFontFamily: FAMILY,
      sansSerifFamily: FAMILY,
      serifFamily: FAMILY,
      monospaceFamily: FAMILY,
    },
  });
  try {
    const image = drawing.render();
    try {
      return Uint8Array.from(image.asPng());
    } finally {
      image.free();
    }
  } finally {
    drawing.free();
  }
}

function fileOf(path: string): OsPath {
  return createRequire(import.meta.url).resolve(path);
}
