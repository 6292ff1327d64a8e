import { isNotFound } from "../base/errors.ts";
import { md5Hex } from "./fileHash.ts";
import type { AnswerHeaders } from "./httpAnswer.ts";
import type { Info } from "./filesystem.ts";
import type { ObjectClient } from "./s3Client.ts";
import { S3AnswerError } from "./s3Errors.ts";
import type { ObjectSettings } from "./s3Settings.ts";
import { xmlText } from "./s3Xml.ts";

/** An upload whose parts have all been sent. */
export interface PartedUpload {
  readonly bucket: string;
  readonly key: string;
  readonly uploadId: string;
  /** Of the parts, in order, as the server gave them. */
  readonly etags: readonly string[];
  /** Bytes of the whole. */
  readonly size: number;
}

/** What the server says of an object that was just written. */
export type WrittenFacts = Pick<Info, "etag" | "versionId">;

/** The same from the headers of an answer. `etag` in place of theirs, where the answer's body has it. */
export function writtenFacts(headers: AnswerHeaders, etag: string | undefined = headers["etag"]): WrittenFacts {
  const versionId = headers["x-amz-version-id"];
  return {
    ...(etag === undefined ? {} : { etag: etag.replace(/"|&quot;/g, "") }),
    ...(versionId === undefined ? {} : { versionId }),
  };
}

/**
 * Joins the parts under their name. When the server knows the upload no more, an earlier answer of it was lost: then the
 * object that lies under the name decides, by its size and its ETag.
 * @throws {StorageError}
 */
export async function completeUpload(
  client: ObjectClient,
  settings: ObjectSettings,
  upload: PartedUpload,
  signal: AbortSignal | undefined,
): Promise<WrittenFacts> {
  try {
    return await client.attempt(signal, () => join(client, settings, upload, signal));
  } catch (error) {
    if (!(error instanceof S3AnswerError) || error.reason !== "NoSuchUpload") throw error;
    const facts = await isThere(client, settings, upload, signal);
    if (facts === undefined) throw error;
    return facts;
  }
}

async function join(
  client: ObjectClient,
  settings: ObjectSettings,
  { bucket, key, uploadId, etags }: PartedUpload,
  signal: AbortSignal | undefined,
): Promise<WrittenFacts> {
  const parts = etags.map(
    (etag, i) => `<Part><PartNumber>${String(i + 1)}</PartNumber><ETag>${etag.replace(/&/g, "&amp;")}</ETag></Part>`,
  );
  const answer = await client.receive({
    bucket,
    key,
    method: "POST",
    query: { uploadId },
    headers: { ...settings.customerHeaders, "content-type": "application/xml" },
    body: Buffer.from(`<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`),
    signal,
  });
  // The status is sent before the parts are joined, so a failure may come with a 200.
  const said = answer.body.toString("utf8");
  if (!said.includes("<Error>")) return writtenFacts(answer.headers, xmlText(said, "ETag"));
  const url = client.nameOf({ bucket, key });
  const reason = xmlText(said, "Code") ?? "";
  throw new S3AnswerError(`'${url}': ${xmlText(said, "Message") ?? "the parts could not be joined"}`, reason, {
    protocol: client.protocol,
    path: url,
    retryable: reason !== "NoSuchUpload",
  });
}

async function isThere(
  client: ObjectClient,
  settings: ObjectSettings,
  { bucket, key, etags, size }: PartedUpload,
  signal: AbortSignal | undefined,
): Promise<WrittenFacts | undefined> {
  try {
    const { headers } = await client.send({ bucket, key, method: "HEAD", headers: settings.customerHeaders, signal });
    if (Number(headers["content-length"]) !== size) return undefined;
    const [found, expected] = [headers["etag"]?.replace(/"/g, ""), joinedEtag(etags)];
    if (found === undefined || expected === undefined || isEncryptedByKey(headers)) return writtenFacts(headers);
    return found === expected ? writtenFacts(headers) : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Hash of the parts' hashes and their number; undefined when the parts' ETags are no hashes. */
function joinedEtag(etags: readonly string[]): string | undefined {
  const hashes = etags.map((etag) => /^"?([0-9a-f]{32})"?$/.exec(etag)?.[1]);
  if (hashes.includes(undefined)) return undefined;
  return `${md5Hex(Buffer.from(hashes.join(""), "hex"))}-${String(etags.length)}`;
}

/** With keys of KMS or of the customer an ETag is no hash. */
function isEncryptedByKey(headers: AnswerHeaders): boolean {
  return (
    headers["x-amz-server-side-encryption"]?.startsWith("aws:kms") === true ||
    headers["x-amz-server-side-encryption-customer-algorithm"] !== undefined
  );
}
