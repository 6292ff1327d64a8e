import { StorageError } from "../base/errors.ts";
import { md5Hex } from "./fileHash.ts";
import type { WriteOptions } from "./filesystem.ts";
import { gsFacts, type GsClient, type GsObject, OBJECT_FIELDS, OBJECT_SHAPE } from "./gsClient.ts";
import { jsonAnswer } from "./jsonAnswer.ts";
import { relatedBody, uploadResumably } from "./resumableUpload.ts";
import type { PutTarget } from "./s3Upload.ts";
import { wrongBytes } from "./uploadFile.ts";

/**
 * Sends bytes with their description in one request. The description holds the md5, so that the service refuses what was
 * changed on the way.
 * @throws {StorageError}; {CorruptObjectError} when the bytes have not the hash asked for: nothing is sent.
 */
export async function putGsBytes(
  client: GsClient,
  { bucket, key }: PutTarget,
  bytes: Uint8Array,
  options: WriteOptions,
): Promise<void> {
  const about = `gs://${bucket}/${key}`;
  const md5 = md5Hex(bytes);
  if (options.md5 !== undefined && md5 !== options.md5) throw wrongBytes(about, options.md5, md5);
  const answer = await client.http.send({
    method: "POST",
    path: client.uploadPath(bucket, { uploadType: "multipart", fields: OBJECT_FIELDS }),
    ...relatedBody(description(key, md5), bytes),
    about,
    signal: options.signal,
  });
  finish(answer.body, about, md5, bytes.byteLength, options);
  options.onBytes?.(bytes.byteLength);
}

/** Sends a large local file resumably. @throws {StorageError, CorruptObjectError} */
export async function putGsFile(
  client: GsClient,
  { bucket, key }: PutTarget,
  file: string,
  options: WriteOptions,
): Promise<void> {
  const about = `gs://${bucket}/${key}`;
  const path = client.uploadPath(bucket, { uploadType: "resumable", name: key, fields: OBJECT_FIELDS });
  const begin = { method: "POST", path, about, description: description(key, options.md5) } as const;
  const { body, md5, size } = await uploadResumably({ http: client.http, protocol: "gs", begin }, file, options);
  finish(body, about, md5, size, options);
}

function description(key: string, md5: string | undefined): string {
  const md5Hash = md5 === undefined ? undefined : Buffer.from(md5, "hex").toString("base64");
  return JSON.stringify({ name: key, contentType: "application/octet-stream", md5Hash });
}

/** The service says what it stored: it must be what was sent. */
function finish(body: Buffer, about: string, md5: string, size: number, { onWritten }: WriteOptions): void {
  const stored = jsonAnswer(body, OBJECT_SHAPE, [], { about, protocol: "gs" }) as GsObject;
  const expected = Buffer.from(md5, "hex").toString("base64");
  const isOther = stored.md5Hash !== undefined && stored.md5Hash !== expected;
  if (isOther || (stored.size !== undefined && Number(stored.size) !== size))
    throw new StorageError(`'${about}': the server stored other bytes than were sent`, { protocol: "gs", path: about });
  onWritten?.(gsFacts(stored));
}
