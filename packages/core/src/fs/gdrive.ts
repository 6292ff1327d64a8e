import type { Readable } from "node:stream";
import { ConfigError, isNotFound, StorageError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { mapBounded } from "../base/pool.ts";
import type { CloudRequest } from "./cloudHttp.ts";
import type {
  AccessFacts,
  DownloadOptions,
  Downloaded,
  FileSystem,
  FsCaps,
  Info,
  ListOptions,
  ReadOptions,
  Source,
  WriteOptions,
} from "./filesystem.ts";
import { folderCaps } from "./folderWalk.ts";
import { type DriveItem, GdriveClient } from "./gdriveClient.ts";
import { gdriveSettings, type GdriveSettings } from "./gdriveSettings.ts";
import { GdriveTree, isFolder, type Placed } from "./gdriveTree.ts";
import { putGdriveFile } from "./gdriveUpload.ts";
import { isEmptyRange, rangeHeaders, splitPath } from "./objectPath.ts";
import type { OpenedStorage, OpenOptions } from "./openOptions.ts";
import { downloadInOrder, type InOrder, placeOfAnswer, restHeaders } from "./streamDownload.ts";

const PARALLEL = 8;

/** Opens `gdrive://FOLDER-ID/path`, `gdrive://root/path`, `gdrive://appDataFolder/path`. @throws {ConfigError} for a bad URL or option */
export function openGdrive(url: string, options: OpenOptions): Promise<OpenedStorage> {
  return Promise.resolve().then(() => {
    const [, root, path = ""] = /^gdrive:\/\/([\w-]+)(?:\/(.*))?$/is.exec(url) ?? [];
    if (root === undefined) {
      throw new ConfigError(`Empty GDrive URL '${url}'.`, { hint: "It looks like gdrive://FOLDER-ID/path." });
    }
    const inside = path.split("/").filter((part) => part !== "");
    return { fs: new GdriveFileSystem(gdriveSettings(options)), root: [root, ...inside].join("/") };
  });
}

/** Google Drive. Paths are `FOLDER-ID/name/name`. */
class GdriveFileSystem implements FileSystem {
  readonly protocol = "gdrive" as const;
  readonly caps: FsCaps = folderCaps(PARALLEL);
  readonly #settings: GdriveSettings;
  readonly #client: GdriveClient;
  readonly #trees: Map<string, GdriveTree> = new Map<string, GdriveTree>();

  constructor(settings: GdriveSettings) {
    this.#settings = settings;
    this.#client = new GdriveClient(settings);
  }

  async stat(path: string, options?: CallOptions): Promise<Info | undefined> {
    const { tree, inside } = this.#at(path);
    if (inside === "") {
      await tree.checkRoot(options);
      return { path, size: 0, type: "folder" };
    }
    const items = await tree.find(inside, options);
    const item = items.find((one) => !isFolder(one)) ?? items[0];
    return item && infoOf(path, item);
  }

  async *list(prefix: string, options?: ListOptions): AsyncIterable<Info> {
    const { tree, inside, root } = this.#at(prefix);
    const start = (inside === "" ? "" : `${inside}/`) + (options?.startsWith ?? "");
    const folder = start.slice(0, Math.max(0, start.lastIndexOf("/")));
    for await (const placed of tree.below(folder, start, options)) yield placedInfo(root, placed);
  }

  async *children(path: string, options?: CallOptions): AsyncIterable<Info> {
    const { tree, inside, root } = this.#at(path);
    for (const placed of await tree.children(inside, options)) yield placedInfo(root, placed);
  }

  read(path: string, options: ReadOptions = {}): Promise<Readable> {
    return this.#onFile(path, options, (item) =>
      this.#client.http.attempt(options.signal, () => this.#client.http.open(this.#media(path, item, options))),
    );
  }

  async readBytes(path: string, options: ReadOptions = {}): Promise<Buffer> {
    if (isEmptyRange(options)) return Buffer.alloc(0);
    return this.#onFile(path, options, async (item) => {
      const { status, body } = await this.#client.http.send(this.#media(path, item, options));
      const isPart = options.start !== undefined || options.end !== undefined;
      return isPart && status === 200 ? body.subarray(options.start ?? 0, options.end) : body;
    });
  }

  async download(path: string, to: string, options: DownloadOptions = {}): Promise<Downloaded> {
    const { signal } = options;
    const attempt: InOrder["attempt"] = (work) => this.#client.http.attempt(signal, work);
    const pour: InOrder["pour"] = (rest, accept) =>
      this.#onFile(path, options, async (item) => {
        const { md5Checksum: etag, size: length } = item;
        const request = this.#media(path, item, signal === undefined ? {} : { signal });
        // Of other bytes by now, no part is asked for.
        const same = rest?.etag === etag ? rest : undefined;
        await this.#client.http.receive({ ...request, headers: restHeaders(same) }, (status, headers) => {
          const size = length === undefined ? undefined : Number(length);
          return accept({ start: placeOfAnswer(status, headers, same), size, etag }) ?? (() => false);
        });
      });
    const otherSize: InOrder["otherSize"] = (received, expected) => {
      const what = `'${this.url(path)}' came with ${String(received)} bytes instead of ${String(expected)}`;
      return new StorageError(what, { protocol: "gdrive", path: this.url(path), retryable: received < expected });
    };
    return downloadInOrder(to, { attempt, pour, otherSize }, options);
  }

  /** Works on the file with this path; once more when the one that was seen before is gone. */
  async #onFile<T>(path: string, options: CallOptions, work: (item: DriveItem) => Promise<T>): Promise<T> {
    const { tree, inside } = this.#at(path);
    for (let tries = 0; ; tries++) {
      const item = await tree.file(inside, options);
      if (item === undefined) {
        const url = this.url(path);
        throw new StorageError(`'${url}' does not exist`, { protocol: "gdrive", path: url, code: "not-found" });
      }
      try {
        return await work(item);
      } catch (error) {
        if (!isNotFound(error) || tries > 0) throw error;
        tree.forget(inside);
      }
    }
  }

  #media(path: string, { id }: DriveItem, options: ReadOptions): CloudRequest {
    const acknowledgeAbuse = this.#settings.acknowledgeAbuse ? "true" : undefined;
    return {
      method: "GET",
      path: this.#client.path(id, { alt: "media", acknowledgeAbuse }),
      headers: rangeHeaders(options),
      about: this.url(path),
      signal: options.signal,
    };
  }

  async write(path: string, source: Source, options: WriteOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const { tree, inside } = this.#at(path);
    await putGdriveFile(this.#client, tree, { path: inside, about: this.url(path) }, source, options);
  }

  /** Google's md5 of the bytes. */
  async checksum({ path }: Info, options?: CallOptions): Promise<string | undefined> {
    const { tree, inside } = this.#at(path);
    return (await tree.file(inside, options))?.md5Checksum;
  }

  /** All files of this name; never a folder. */
  async remove(path: string, options?: CallOptions): Promise<void> {
    const { tree, inside } = this.#at(path);
    for (const item of await tree.find(inside, options)) {
      if (isFolder(item)) continue;
      const request = { path: this.#client.path(item.id, {}), about: this.url(path), signal: options?.signal };
      await this.#client.http.send({
        ...request,
        accept: [404],
        ...(this.#settings.trashOnly
          ? { method: "PATCH", headers: { "content-type": "application/json" }, body: Buffer.from('{"trashed":true}') }
          : { method: "DELETE" }),
      });
    }
    tree.forget(inside);
  }

  async removeMany(paths: readonly string[], options?: CallOptions): Promise<void> {
    await mapBounded(paths, PARALLEL, (path) => this.remove(path, options), options?.signal);
  }

  url(path: string): string {
    return `gdrive://${path}`;
  }

  access(): Promise<AccessFacts> {
    return this.#client.access();
  }

  close(): Promise<void> {
    this.#client.http.close();
    return Promise.resolve();
  }

  #at(path: string): { readonly tree: GdriveTree; readonly inside: string; readonly root: string } {
    const { bucket: root, key: inside } = splitPath(path);
    let tree = this.#trees.get(root);
    if (tree === undefined) this.#trees.set(root, (tree = new GdriveTree(this.#client, root)));
    return { tree, inside, root };
  }
}

function placedInfo(root: string, { path, item }: Placed): Info {
  return infoOf(`${root}/${path}`, item);
}

function infoOf(path: string, item: DriveItem): Info {
  const mtimeMs = Date.parse(item.modifiedTime ?? "");
  const time = Number.isNaN(mtimeMs) ? {} : { mtimeMs };
  return isFolder(item)
    ? { path, size: 0, type: "folder", ...time }
    : { path, size: Number(item.size), type: "file", ...time };
}
