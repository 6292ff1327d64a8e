import { StorageError } from "../base/errors.ts";
import { md5Hex } from "./fileHash.ts";
import type { ObjectClient } from "./s3Client.ts";
import type { splitPath } from "./objectPath.ts";
import { xmlElements, xmlText } from "./s3Xml.ts";
import { readAt } from "./uploadFile.ts";

/** An upload in parts that an interrupted run has left, all of whose parts are the file's own. */
export interface LeftUpload {
  readonly uploadId: string;
  /** ETags of the parts that are there, by their index. */
  readonly etags: ReadonlyMap<number, string>;
}

/** A file and how it is cut. */
export interface CutFile {
  readonly fd: number;
  /** Bytes of the whole, and of each part but the last. */
  readonly size: number;
  readonly chunk: number;
}

type PutTarget = ReturnType<typeof splitPath>;

interface Part {
  readonly index: number;
  readonly size: number;
  readonly etag: string;
}

/**
 * The latest upload to this key that was left unfinished, when every part of it is one of the file: then only the others
 * need to be sent. Undefined also where the server tells nothing of uploads, or may not: nothing depends on it.
 */
export async function findLeftUpload(
  client: ObjectClient,
  target: PutTarget,
  file: CutFile,
  signal: AbortSignal | undefined,
): Promise<LeftUpload | undefined> {
  try {
    const uploadId = await latestUpload(client, target, signal);
    if (uploadId === undefined) return undefined;
    const etags = new Map<number, string>();
    for await (const part of partsOf(client, target, uploadId, signal)) {
      signal?.throwIfAborted();
      if (!isOfFile(part, file)) return undefined;
      etags.set(part.index, part.etag);
    }
    return etags.size === 0 ? undefined : { uploadId, etags };
  } catch (error) {
    if (error instanceof StorageError) return undefined;
    throw error;
  }
}

async function latestUpload(
  client: ObjectClient,
  { bucket, key }: PutTarget,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  // Only keys that begin as this one does: there are few.
  const query = { uploads: "", prefix: key };
  const { body } = await client.receive({ method: "GET", bucket, query, signal });
  const ours = xmlElements(body.toString("utf8"), "Upload").filter((one) => xmlText(one, "Key") === key);
  const latest = ours.sort((a, b) => begun(a) - begun(b)).at(-1);
  return latest === undefined ? undefined : xmlText(latest, "UploadId");
}

function begun(upload: string): number {
  return Date.parse(xmlText(upload, "Initiated") ?? "") || 0;
}

async function* partsOf(
  client: ObjectClient,
  { bucket, key }: PutTarget,
  uploadId: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Part> {
  let marker: string | undefined;
  do {
    const query = { uploadId, "part-number-marker": marker };
    const { body } = await client.receive({ method: "GET", bucket, key, query, signal });
    const said = body.toString("utf8");
    for (const one of xmlElements(said, "Part")) {
      const index = Number(xmlText(one, "PartNumber")) - 1;
      yield { index, size: Number(xmlText(one, "Size")), etag: xmlText(one, "ETag") ?? "" };
    }
    const next = xmlText(said, "IsTruncated") === "true" ? xmlText(said, "NextPartNumberMarker") : undefined;
    marker = next === marker ? undefined : next;
  } while (marker !== undefined);
}

/** By its hash, which the ETag of a part is unless a key of KMS or of the customer hides it. */
function isOfFile({ index, size, etag }: Part, { fd, size: whole, chunk }: CutFile): boolean {
  const start = index * chunk;
  if (!(index >= 0 && start < whole) || size !== Math.min(chunk, whole - start)) return false;
  const bytes = readAt(fd, Buffer.allocUnsafe(size), start, size);
  return etag.replace(/"/g, "").toLowerCase() === md5Hex(bytes);
}
