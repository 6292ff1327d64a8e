import { pyJsonDumps } from "../formats/pyJson.ts";
import { isRecord, setKey } from "../formats/pyValues.ts";
import { dvcFileData } from "./stageData.ts";
import type { Stage } from "./stage.ts";
import { isImport } from "./stage.ts";

/** Keys that say nothing of the data, left out at every depth. */
const NOT_COUNTED = new Set([
  ...["desc", "type", "labels", "meta", "locked", "frozen", "metric", "persist", "isexec", "size", "nfiles"],
]);

/** Checksum of the contents of an import's `.dvc` file; undefined for plain data sources, which have none. */
export function stageMd5(stage: Stage): string | undefined {
  if (stage.cmd === undefined && !isImport(stage)) return undefined;
  const data = dvcFileData(stage);
  delete data["md5"];
  if (data["wdir"] === ".") delete data["wdir"];
  return digest("md5", pyJsonDumps(without(data, NOT_COUNTED), { sortKeys: true }));
}

/** A copy of `value` without some keys, at every depth. */
export function without(value: unknown, keys: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((one) => without(one, keys));
  if (!isRecord(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(value)) if (!keys.has(key)) setKey(result, key, without(one, keys));
  return result;
}

/** Hex digest of a text. Loads `node:crypto` only when called. */
export function digest(algorithm: "md5" | "sha256", text: string): string {
  return process.getBuiltinModule("node:crypto").createHash(algorithm).update(text).digest("hex");
}
