import { closeSync, fstatSync, openSync } from "node:fs";
import { StorageError } from "../base/errors.ts";
import { mapBounded } from "../base/pool.ts";
import { type Block, blockId, blockList, idLength, waitingBlocks } from "./azureBlocks.ts";
import type { AzureClient } from "./azureClient.ts";
import { azureFacts } from "./azureInfo.ts";
import { BufferPool } from "./bufferPool.ts";
import { FileHash, md5Hex } from "./fileHash.ts";
import type { WriteOptions } from "./filesystem.ts";
import type { AnswerHeaders } from "./httpAnswer.ts";
import type { PutTarget } from "./s3Upload.ts";
import { isUnchanged, readAt, wrongBytes } from "./uploadFile.ts";

const BLOCK = 8 << 20;
/** A blob has no more blocks than this. */
const MAX_BLOCKS = 50_000;
const PARALLEL = 4;
const TYPE = "application/octet-stream";

/** Blocks in memory, of all uploads together. */
const buffers: BufferPool = new BufferPool(8 * BLOCK);

/**
 * Sends bytes in one request. `content-md5` lets the service refuse what was changed on the way; it keeps it, too.
 * @throws {StorageError}; {CorruptObjectError} when the bytes have not the hash asked for: nothing is sent.
 */
export async function putAzureBytes(
  client: AzureClient,
  target: PutTarget,
  bytes: Uint8Array,
  options: WriteOptions,
): Promise<void> {
  const about = urlOf(target);
  const md5 = md5Hex(bytes);
  if (options.md5 !== undefined && md5 !== options.md5) throw wrongBytes(about, options.md5, md5);
  const answer = await client.http.send({
    method: "PUT",
    path: client.path(target.bucket, target.key),
    headers: { "x-ms-blob-type": "BlockBlob", "content-md5": base64(md5), "content-type": TYPE },
    body: bytes,
    about,
    signal: options.signal,
  });
  finish(answer.headers, about, md5, options);
  options.onBytes?.(bytes.byteLength);
}

/**
 * Sends a large local file in blocks, several at once, while a thread hashes it. The blob appears whole with the request
 * that puts the blocks in place, and only when the hash is the one asked for and the file did not change meanwhile.
 * Blocks that an interrupted upload of the same bytes has left are not sent again; the service drops them after a week.
 * @throws {StorageError, CorruptObjectError}
 */
export async function putAzureFile(
  client: AzureClient,
  target: PutTarget,
  file: string,
  options: WriteOptions,
): Promise<void> {
  const fd = openSync(file, "r");
  const hash = new FileHash(file);
  try {
    const before = fstatSync(fd, { bigint: true });
    const size = Number(before.size);
    const digest = hash.finish(size);
    const ids = await sendBlocks(client, target, fd, size, options);
    const md5 = await digest;
    if (options.md5 !== undefined && (md5 !== options.md5 || !isUnchanged(fd, before)))
      throw wrongBytes(file, options.md5, md5);
    await commit(client, target, ids, md5, options);
  } finally {
    closeSync(fd);
    await hash.stop();
  }
}

async function sendBlocks(
  client: AzureClient,
  target: PutTarget,
  fd: number,
  size: number,
  options: WriteOptions,
): Promise<string[]> {
  const waiting = await askWaiting(client, target, options);
  const length = idLength(waiting);
  if (length === undefined) throw strangeBlocks(urlOf(target));
  const there = new Set(waiting.map((block) => `${block.id} ${String(block.size)}`));
  const block = blockSize(size);
  const starts = Array.from({ length: Math.ceil(size / block) }, (_, i) => i * block);
  const send = async (start: number, index: number): Promise<string> =>
    buffers.use(block, async (buffer) => {
      const body = readAt(fd, buffer, start, Math.min(block, size - start));
      const md5 = md5Hex(body);
      const id = blockId(md5, index, length);
      if (!there.has(`${id} ${String(body.length)}`)) await sendBlock(client, target, id, md5, body, options);
      options.onBytes?.(body.length);
      return id;
    });
  return mapBounded(starts, PARALLEL, send, options.signal);
}

/** Empty, when there is nothing of the blob. */
async function askWaiting(client: AzureClient, target: PutTarget, { signal }: WriteOptions): Promise<Block[]> {
  const { status, body } = await client.http.send({
    method: "GET",
    path: client.path(target.bucket, target.key, { comp: "blocklist", blocklisttype: "uncommitted" }),
    about: urlOf(target),
    signal,
    accept: [404],
  });
  return status === 404 ? [] : waitingBlocks(body.toString("utf8"));
}

async function sendBlock(
  client: AzureClient,
  target: PutTarget,
  id: string,
  md5: string,
  body: Buffer,
  { signal }: WriteOptions,
): Promise<void> {
  await client.http.send({
    method: "PUT",
    path: client.path(target.bucket, target.key, { comp: "block", blockid: id }),
    headers: { "content-md5": base64(md5) },
    body,
    about: urlOf(target),
    signal,
  });
}

async function commit(
  client: AzureClient,
  target: PutTarget,
  ids: readonly string[],
  md5: string,
  options: WriteOptions,
): Promise<void> {
  const about = urlOf(target);
  const body = blockList(ids);
  const answer = await client.http.send({
    method: "PUT",
    path: client.path(target.bucket, target.key, { comp: "blocklist" }),
    headers: {
      "content-md5": base64(md5Hex(body)),
      "content-type": "application/xml",
      "x-ms-blob-content-type": TYPE,
      "x-ms-blob-content-md5": base64(md5),
    },
    body,
    about,
    signal: options.signal,
  });
  options.onWritten?.(azureFacts(answer.headers));
}

/** Doubled until the blocks are few enough. */
function blockSize(size: number): number {
  let block = BLOCK;
  while (Math.ceil(size / block) > MAX_BLOCKS) block *= 2;
  return block;
}

/** The service says what it stored: it must be what was sent. */
function finish(headers: AnswerHeaders, about: string, md5: string, { onWritten }: WriteOptions): void {
  const stored = headers["content-md5"];
  if (stored !== undefined && stored !== base64(md5))
    throw new StorageError(`'${about}': the server stored other bytes than were sent`, {
      protocol: "azure",
      path: about,
    });
  onWritten?.(azureFacts(headers));
}

function strangeBlocks(about: string): StorageError {
  return new StorageError(`'${about}' has parts of an upload by another program that ours cannot stand beside`, {
    protocol: "azure",
    path: about,
    hint: "They end by themselves after a week; deleting or finishing that upload helps at once.",
  });
}

function urlOf({ bucket, key }: PutTarget): string {
  return `azure://${bucket}/${key}`;
}

function base64(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64");
}
