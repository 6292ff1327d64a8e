import { join } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { writeFileAtomic } from "../fs/atomic.ts";
import type { Plot, PlotImage } from "./chart.ts";

/** Where a picture was written. */
export interface WrittenImage {
  readonly image: PlotImage;
  readonly path: OsPath;
}

/** Writes the pictures of a plot into `folder`, each under its revision and its path with `_` for every `/`. */
export function writeImages(plot: Plot, folder: OsPath): WrittenImage[] {
  if (plot.kind !== "image") return [];
  return plot.images.map((image) => {
    const path = join(folder, `${image.revision}_${image.file}`.replace(/[/\\]/g, "_"));
    writeFileAtomic(path, image.bytes, { parents: true, noSync: true, tidies: true, inside: folder });
    return { image, path };
  });
}
