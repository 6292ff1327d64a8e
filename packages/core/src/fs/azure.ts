import { readFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { isNotFound, StorageError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { mapBounded } from "../base/pool.ts";
import { AzureClient } from "./azureClient.ts";
import { azureInfo, type AzurePage, parseAzurePage, strangeListing } from "./azureInfo.ts";
import { azureSettings, defaultContainer } from "./azureSettings.ts";
import { putAzureBytes, putAzureFile } from "./azureUpload.ts";
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
  StatOptions,
  WriteOptions,
} from "./filesystem.ts";
import { isEmptyRange, rangeHeaders, splitPath } from "./objectPath.ts";
import type { OpenedStorage, OpenOptions } from "./openOptions.ts";
import { downloadObject } from "./s3Download.ts";

/** The most that the service gives at once. */
const PAGE = 5000;
const BLOCKS_FROM = 8 << 20;
const REMOVALS = 32;

/** Opens `azure://container/prefix`. @throws {ConfigError} for a bad URL or option. */
export function openAzure(url: string, options: OpenOptions): Promise<OpenedStorage> {
  const [, named = "", prefix = ""] = /^azure:\/\/([^/?#]*)\/?([^?#]*)/i.exec(url) ?? [];
  return Promise.resolve().then(() => {
    const container = named === "" ? defaultContainer(options) : named;
    if (container === undefined)
      throw new StorageError(`'${url}' names no container`, { protocol: "azure", path: url, code: "config" });
    const root = prefix === "" ? container : `${container}/${prefix.replace(/\/+$/, "")}`;
    return { fs: new AzureFileSystem(new AzureClient(azureSettings(options))), root };
  });
}

/** Azure Blob Storage, Data Lake accounts included. Paths are `container/key`. */
class AzureFileSystem implements FileSystem {
  readonly protocol = "azure" as const;
  readonly caps: FsCaps = { atomicWrite: true, ranges: true, versionIds: true, maxParallel: 16, listPage: PAGE };
  readonly #client: AzureClient;

  constructor(client: AzureClient) {
    this.#client = client;
  }

  async stat(path: string, options?: StatOptions): Promise<Info | undefined> {
    const { key } = splitPath(path);
    if (key === "") {
      await this.#page(path, { maxresults: "1" }, options);
      return undefined;
    }
    try {
      const { headers } = await this.#client.http.send(this.#request("HEAD", path, options));
      return azureInfo(path, headers);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async *list(prefix: string, options?: ListOptions): AsyncIterable<Info> {
    const { bucket, key } = splitPath(prefix);
    const start = (key === "" ? "" : `${key}/`) + (options?.startsWith ?? "");
    for await (const page of this.#pages(bucket, { prefix: start }, options)) yield* page.files;
  }

  async *children(path: string, options?: CallOptions): AsyncIterable<Info> {
    const { bucket, key } = splitPath(path);
    const prefix = key === "" ? "" : `${key}/`;
    for await (const page of this.#pages(bucket, { prefix, delimiter: "/" }, options)) {
      yield* page.folders;
      // A name that ends at the folder itself is the mark some tools leave for an empty folder.
      for (const file of page.files) if (file.path !== `${bucket}/${prefix}`) yield file;
    }
  }

  async *#pages(container: string, query: Record<string, string>, options?: CallOptions): AsyncIterable<AzurePage> {
    let marker: string | undefined;
    do {
      const page: AzurePage = await this.#page(container, { ...query, marker }, options);
      yield page;
      // A server that gives the same page for ever would be listed for ever.
      if (page.next !== undefined && page.next === marker) throw strangeListing(container);
      marker = page.next;
    } while (marker !== undefined);
  }

  async #page(container: string, query: Record<string, string | undefined>, options?: CallOptions): Promise<AzurePage> {
    // Metadata, because that is where folders are marked.
    const full = { restype: "container", comp: "list", include: "metadata", maxresults: String(PAGE), ...query };
    const answer = await this.#client.http.send({
      method: "GET",
      path: this.#client.path(container, undefined, full),
      about: this.url(container),
      signal: options?.signal,
    });
    return parseAzurePage(container, answer.body.toString("utf8"));
  }

  async read(path: string, options: ReadOptions = {}): Promise<Readable> {
    const request = { ...this.#request("GET", path, options), headers: rangeHeaders(options) };
    return this.#client.http.attempt(options.signal, () => this.#client.http.open(request));
  }

  async readBytes(path: string, options: ReadOptions = {}): Promise<Buffer> {
    if (isEmptyRange(options)) return Buffer.alloc(0);
    const request = { ...this.#request("GET", path, options), headers: rangeHeaders(options) };
    return (await this.#client.http.send(request)).body;
  }

  async download(path: string, to: string, options: DownloadOptions = {}): Promise<Downloaded> {
    const get = { ...splitPath(path), headers: rangeHeaders(options), query: { versionid: options.versionId } };
    return downloadObject(this.#client.ranges(), get, to, options);
  }

  async write(path: string, source: Source, options: WriteOptions = {}): Promise<void> {
    const target = splitPath(path);
    if ("file" in source && source.size > BLOCKS_FROM) return putAzureFile(this.#client, target, source.file, options);
    const bytes = "bytes" in source ? source.bytes : await readFile(source.file);
    return putAzureBytes(this.#client, target, bytes, options);
  }

  async remove(path: string, options?: CallOptions): Promise<void> {
    const headers = { "x-ms-delete-snapshots": "include" };
    await this.#client.http.send({ ...this.#request("DELETE", path, options), headers, accept: [404] });
  }

  async removeMany(paths: readonly string[], options?: CallOptions): Promise<void> {
    await mapBounded(paths, REMOVALS, (path) => this.remove(path, options), options?.signal);
  }

  #request(method: CloudRequest["method"], path: string, options: StatOptions | undefined): CloudRequest {
    const { bucket, key } = splitPath(path);
    const query = { versionid: options?.versionId };
    return { method, path: this.#client.path(bucket, key, query), about: this.url(path), signal: options?.signal };
  }

  url(path: string, versionId?: string): string {
    return `azure://${path}${versionId === undefined ? "" : `?versionid=${versionId}`}`;
  }

  access(): Promise<AccessFacts> {
    return this.#client.access();
  }

  close(): Promise<void> {
    this.#client.http.close();
    return Promise.resolve();
  }
}
