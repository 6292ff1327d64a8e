import { md5Bytes } from "../hash/md5.ts";
import { stageChecksum } from "../formats/dvcFile.ts";
import { dvcFileData } from "./stageData.ts";
import type { Stage } from "./stage.ts";
import { isImport } from "./stage.ts";

/** Checksum of the contents of an import's `.dvc` file; undefined for plain data sources, which have none. */
export function stageMd5(stage: Stage): string | undefined {
  if (stage.cmd === undefined && !isImport(stage)) return undefined;
  return md5Bytes(Buffer.from(stageChecksum(dvcFileData(stage))));
}
