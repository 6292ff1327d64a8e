import { readFile } from "node:fs/promises";
import { StorageError } from "../base/errors.ts";
import { md5Hex } from "./fileHash.ts";
import type { Source, WriteOptions } from "./filesystem.ts";
import { type DriveItem, type GdriveClient, ITEM_FIELDS, parsed } from "./gdriveClient.ts";
import { type GdriveTree, isFolder, nameOf, parentOf } from "./gdriveTree.ts";
import { relatedBody, uploadResumably } from "./resumableUpload.ts";
import { wrongBytes } from "./uploadFile.ts";

const RESUMABLE_FROM = 5 << 20;

/** Where bytes go: into a file that is there, or into a new one. */
interface Place {
  readonly method: "POST" | "PATCH";
  readonly id: string;
  /** Of a file that is there. */
  readonly existing: string | undefined;
  readonly description: string;
  readonly about: string;
}

/**
 * Writes a file; it appears, or changes, whole. A new one has an id before it is sent, so that a request whose answer was
 * lost makes no second file.
 * @throws {StorageError, CorruptObjectError}
 */
export async function putGdriveFile(
  client: GdriveClient,
  tree: GdriveTree,
  to: { readonly path: string; readonly about: string },
  source: Source,
  options: WriteOptions,
): Promise<void> {
  const isLarge = "file" in source && source.size > RESUMABLE_FROM;
  const bytes = isLarge ? undefined : "bytes" in source ? source.bytes : await readFile(source.file);
  if (bytes !== undefined && options.md5 !== undefined && md5Hex(bytes) !== options.md5)
    throw wrongBytes(to.about, options.md5, md5Hex(bytes));
  const place = await placeFor(client, tree, to, options);
  const item =
    bytes === undefined && "file" in source
      ? await sendLarge(client, place, source.file, options)
      : await sendSmall(client, place, bytes ?? Buffer.alloc(0), options);
  tree.note(to.path, item);
}

async function placeFor(
  client: GdriveClient,
  tree: GdriveTree,
  { path, about }: { readonly path: string; readonly about: string },
  options: WriteOptions,
): Promise<Place> {
  const parent = await tree.ensureFolder(parentOf(path), options);
  const there = (await tree.find(path, options)).find((item) => !isFolder(item));
  if (there !== undefined) return { method: "PATCH", id: there.id, existing: there.id, description: "{}", about };
  const id = await client.newId(tree.space, options);
  const description = JSON.stringify({ id, name: nameOf(path), parents: [parent] });
  return { method: "POST", id, existing: undefined, description, about };
}

async function sendSmall(
  client: GdriveClient,
  place: Place,
  bytes: Uint8Array,
  options: WriteOptions,
): Promise<DriveItem> {
  const { method, existing, description, about, id } = place;
  const { status, body } = await client.http.send({
    method,
    path: client.path(existing, { uploadType: "multipart", fields: ITEM_FIELDS }, "/upload"),
    ...relatedBody(description, bytes),
    about,
    signal: options.signal,
    accept: [409],
  });
  const item =
    status === 409
      ? await client.ask<DriveItem>(about, client.path(id, { fields: ITEM_FIELDS }), options)
      : parsed<DriveItem>(about, body);
  await check(client, place, item, md5Hex(bytes), bytes.byteLength);
  options.onBytes?.(bytes.byteLength);
  return item;
}

async function sendLarge(client: GdriveClient, place: Place, file: string, options: WriteOptions): Promise<DriveItem> {
  const { method, existing, description, about } = place;
  const path = client.path(existing, { uploadType: "resumable", fields: ITEM_FIELDS }, "/upload");
  const begin = { method, path, about, description };
  const { body, md5, size } = await uploadResumably({ http: client.http, protocol: "gdrive", begin }, file, options);
  const item = parsed<DriveItem>(about, body);
  await check(client, place, item, md5, size);
  return item;
}

/** Drive says what it stored: it must be what was sent. A new file of other bytes is taken back. */
async function check(client: GdriveClient, place: Place, item: DriveItem, md5: string, size: number): Promise<void> {
  if ((item.md5Checksum ?? md5) === md5 && Number(item.size ?? size) === size) return;
  const { about, id, existing } = place;
  if (existing === undefined)
    await client.http.send({ method: "DELETE", path: client.path(id, {}), about }).catch(() => undefined);
  throw new StorageError(`'${about}': Google Drive stored other bytes than were sent`, {
    protocol: "gdrive",
    path: about,
  });
}
