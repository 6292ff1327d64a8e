import { extname } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { parseParams } from "../formats/params.ts";
import type { RevisionFiles } from "../repo/revisionFiles.ts";
import { PlotError, type Problem, problemOf } from "./problem.ts";
import type { PlotProps } from "./props.ts";
import { parseSv } from "./svTable.ts";

/** What a file of plots holds: bytes of an image, or parsed values. */
export interface PlotSource {
  readonly image?: Uint8Array;
  readonly values?: unknown;
  /** Last column of a CSV or TSV file: objects forget the order of columns that are numbers. */
  readonly lastField?: string;
  readonly error?: Problem;
}

const IMAGES: ReadonlySet<string> = new Set([".jpg", ".jpeg", ".gif", ".png", ".svg"]);
const DATA: ReadonlySet<string> = new Set([".json", ".yaml", ".yml", ".csv", ".tsv", ".toml", ".py"]);

/** Whether a plot of this name is a picture. */
export function isImage(name: string): boolean {
  return IMAGES.has(extname(name));
}

/** Reads one file of plots; a failure is part of the result. `shown` is its name, relative to the working folder. */
export async function readSource(
  files: RevisionFiles,
  path: OsPath,
  shown: string,
  props: PlotProps,
): Promise<PlotSource> {
  try {
    const suffix = extname(shown);
    if (IMAGES.has(suffix)) {
      const image = await files.readBytes(path);
      return image.byteLength === 0 ? {} : { image };
    }
    if (!DATA.has(suffix)) {
      throw new PlotError(
        "PlotMetricTypeError",
        `'${shown}' - file type error\nOnly JSON, YAML, CSV and TSV formats are supported.`,
      );
    }
    const text = decode(await files.readBytes(path), shown);
    if (suffix !== ".csv" && suffix !== ".tsv") return { values: parseParams(text, shown, suffix) };
    checkRows(text, shown);
    const { rows, lastField } = parseSv(text, suffix === ".tsv" ? "\t" : ",", props["header"] !== false);
    return { values: rows, ...(lastField === undefined ? {} : { lastField }) };
  } catch (error) {
    return { error: problemOf(error) };
  }
}

/** More points than anybody can tell apart, and than a page can hold. */
const MAX_ROWS = 250_000;

function checkRows(text: string, shown: string): void {
  let rows = 0;
  for (const _ of text.matchAll(/[\n\r]/g))
    if (++rows > MAX_ROWS)
      throw new PlotError("DvcException", `'${shown}' has more than ${String(MAX_ROWS)} rows: too many to draw`);
}

function decode(bytes: Uint8Array, shown: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new PlotError("EncodingError", `unable to read: '${shown}', is not valid utf8`);
  }
}

/** Whether Python takes it for nothing: then it counts as not there. */
export function isNothing(values: unknown): boolean {
  if (Array.isArray(values)) return values.length === 0;
  if (typeof values === "object" && values !== null) return Object.keys(values).length === 0;
  return !values;
}
