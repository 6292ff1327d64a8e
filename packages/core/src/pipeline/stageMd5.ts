import { stageChecksum } from "../formats/dvcFile.ts";
import { dvcFileData } from "./stageData.ts";
import type { Stage } from "./stage.ts";
import { isImport } from "./stage.ts";

/** Checksum of the contents of an import's `.dvc` file; undefined for plain data sources, which have none. */
export function stageMd5(stage: Stage): string | undefined {
  if (stage.cmd === undefined && !isImport(stage)) return undefined;
  return digest("md5", stageChecksum(dvcFileData(stage)));
}

/** Hex digest of a text. Loads `node:crypto` only when called. */
export function digest(algorithm: "md5" | "sha256", text: string): string {
  return process.getBuiltinModule("node:crypto").createHash(algorithm).update(text).digest("hex");
}
