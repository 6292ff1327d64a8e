import { closeSync, fstatSync, openSync, type BigIntStats } from "node:fs";
import { StorageError } from "../base/errors.ts";
import { mapBounded } from "../base/pool.ts";
import { BufferPool } from "./bufferPool.ts";
import { FileHash, md5Hex } from "./fileHash.ts";
import type { WriteOptions } from "./filesystem.ts";
import { mayGoOnLater } from "./retry.ts";
import type { ObjectClient } from "./s3Client.ts";
import { completeUpload, writtenFacts } from "./s3Complete.ts";
import { S3AnswerError } from "./s3Errors.ts";
import { type CutFile, findLeftUpload, type LeftUpload } from "./s3Resume.ts";
import type { ObjectSettings } from "./s3Settings.ts";
import { xmlText } from "./s3Xml.ts";
import { isUnchanged, readAt, wrongBytes } from "./uploadFile.ts";

const PARALLEL = 4;
/** S3 takes no more parts than this. */
const MAX_PARTS = 10_000;

/** Parts in memory, of all uploads together (bytes). */
const buffers: BufferPool = new BufferPool(96 << 20);

/** Where an object goes. */
export interface PutTarget {
  readonly bucket: string;
  readonly key: string;
}

/**
 * Sends bytes in one request. `Content-MD5` lets the server refuse what was changed on the way.
 * @throws {StorageError}; {CorruptObjectError} when the bytes have not the hash asked for: nothing is sent.
 */
export async function putBytes(
  client: ObjectClient,
  settings: ObjectSettings,
  target: PutTarget,
  bytes: Uint8Array,
  options: WriteOptions,
): Promise<void> {
  const md5 = md5Hex(bytes);
  if (options.md5 !== undefined && md5 !== options.md5) throw wrongBytes(client.nameOf(target), options.md5, md5);
  const headers = { ...settings.writeHeaders, "content-md5": Buffer.from(md5, "hex").toString("base64") };
  const answer = await client.send({ ...target, method: "PUT", headers, body: bytes, signal: options.signal });
  options.onBytes?.(bytes.byteLength);
  options.onWritten?.(writtenFacts(answer.headers));
}

/**
 * Sends a large local file in parts, several at once, while a thread hashes it. The parts are joined under the name only
 * when the hash is the one asked for and the file did not change meanwhile. Parts that an interrupted upload of the same
 * bytes has left are not sent again; after an interruption they stay for the next, after any other failure the server is
 * told to drop them. Memory: four parts, and no more than 96 MiB for all uploads.
 * @throws {StorageError, CorruptObjectError}
 */
export async function putLargeFile(
  client: ObjectClient,
  settings: ObjectSettings,
  target: PutTarget,
  file: string,
  options: WriteOptions,
): Promise<void> {
  const fd = openSync(file, "r");
  const hash = options.md5 === undefined ? undefined : new FileHash(file);
  try {
    const before = fstatSync(fd, { bigint: true });
    const size = Number(before.size);
    const cut = { fd, size, chunk: partSize(size, settings.multipartChunk) };
    const digest = hash?.finish(size);
    const send = (left: LeftUpload | undefined): Promise<void> =>
      sendWhole({ client, settings, target, options }, cut, left, () =>
        checkUnchanged(fd, before, file, digest, options.md5),
      );
    const left = await findLeftUpload(client, target, cut, options.signal);
    try {
      await send(left);
    } catch (error) {
      // Another run ended the upload that both took up.
      if (left === undefined || !isGone(error)) throw error;
      await send(undefined);
    }
  } finally {
    closeSync(fd);
    await hash?.stop();
  }
}

interface Sending {
  readonly client: ObjectClient;
  readonly settings: ObjectSettings;
  readonly target: PutTarget;
  readonly options: WriteOptions;
}

async function sendWhole(
  sending: Sending,
  cut: CutFile,
  left: LeftUpload | undefined,
  check: () => Promise<void>,
): Promise<void> {
  const { client, settings, target, options } = sending;
  const uploadId = left?.uploadId ?? (await begin(client, settings, target, options));
  let counted = 0;
  const onBytes = (count: number): void => {
    counted += count;
    options.onBytes?.(count);
  };
  try {
    const etags = await sendParts({ ...sending, options: { ...options, onBytes } }, cut, uploadId, left?.etags);
    await check();
    const facts = await completeUpload(
      client,
      settings,
      { ...target, uploadId, etags, size: cut.size },
      options.signal,
    );
    options.onWritten?.(facts);
  } catch (error) {
    options.onBytes?.(-counted);
    if (counted === 0 || !mayGoOnLater(error, options.signal)) await drop(client, target, uploadId);
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof S3AnswerError && error.reason === "NoSuchUpload";
}

async function begin(
  client: ObjectClient,
  settings: ObjectSettings,
  target: PutTarget,
  options: WriteOptions,
): Promise<string> {
  const answer = await client.send({
    ...target,
    method: "POST",
    query: { uploads: "" },
    headers: settings.writeHeaders,
    signal: options.signal,
  });
  const uploadId = xmlText(answer.body.toString("utf8"), "UploadId");
  if (uploadId !== undefined) return uploadId;
  throw new StorageError(`'${client.nameOf(target)}': the server gave no upload id`, {
    protocol: client.protocol,
    path: client.nameOf(target),
  });
}

async function sendParts(
  { client, settings, target, options }: Sending,
  { fd, size, chunk }: CutFile,
  uploadId: string,
  there: ReadonlyMap<number, string> | undefined,
): Promise<string[]> {
  const starts = Array.from({ length: Math.ceil(size / chunk) }, (_, i) => i * chunk);
  const send = async (start: number, index: number): Promise<string> => {
    const length = Math.min(chunk, size - start);
    const known = there?.get(index);
    if (known !== undefined) {
      options.onBytes?.(length);
      return known;
    }
    return buffers.use(Math.min(chunk, size), async (buffer) => {
      const body = readAt(fd, buffer, start, length);
      const answer = await client.send({
        ...target,
        method: "PUT",
        query: { partNumber: String(index + 1), uploadId },
        headers: client.signsBodies
          ? settings.customerHeaders
          : { ...settings.customerHeaders, "content-md5": Buffer.from(md5Hex(body), "hex").toString("base64") },
        body,
        signal: options.signal,
      });
      options.onBytes?.(body.length);
      return answer.headers["etag"] ?? "";
    });
  };
  return mapBounded(starts, PARALLEL, send, options.signal);
}

/** Doubled until the parts are few enough. */
function partSize(size: number, chunk: number): number {
  let part = chunk;
  while (Math.ceil(size / part) > MAX_PARTS) part *= 2;
  return part;
}

async function checkUnchanged(
  fd: number,
  before: BigIntStats,
  file: string,
  digest: Promise<string> | undefined,
  expected: string | undefined,
): Promise<void> {
  if (digest === undefined || expected === undefined) return;
  const md5 = await digest;
  if (md5 !== expected || !isUnchanged(fd, before)) throw wrongBytes(file, expected, md5);
}

/** Parts that nobody takes up cost storage for ever. When this fails too, the first error is the one to report. */
async function drop(client: ObjectClient, target: PutTarget, uploadId: string): Promise<void> {
  await client.send({ ...target, method: "DELETE", query: { uploadId } }).catch(() => undefined);
}
