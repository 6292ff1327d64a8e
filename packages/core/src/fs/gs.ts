import { readFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { isNotFound, StorageError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { mapBounded } from "../base/pool.ts";
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
import { GsClient, gsInfo, type GsObject, OBJECT_FIELDS, OBJECT_SHAPE } from "./gsClient.ts";
import { gsSettings } from "./gsSettings.ts";
import { putGsBytes, putGsFile } from "./gsUpload.ts";
import { jsonAnswer, type Shape } from "./jsonAnswer.ts";
import type { OpenedStorage, OpenOptions } from "./openOptions.ts";
import { splitPath, rangeHeaders, isEmptyRange } from "./objectPath.ts";
import { downloadObject } from "./s3Download.ts";

/** The service's own number; not asked for, because a server of the tests cuts there and gives no token to go on. */
const PAGE = 1000;
/** The most calls that one batch may hold. */
const BATCH = 100;
const RESUMABLE_FROM = 8 << 20;

/** Opens `gs://bucket/prefix`. @throws {ConfigError} for a bad URL or option. */
export function openGs(url: string, options: OpenOptions): Promise<OpenedStorage> {
  const match = /^(?:gs|gcs):\/\/([^/?#]+)\/?([^?#]*)/i.exec(url);
  if (match === null)
    return Promise.reject(new StorageError(`'${url}' names no bucket`, { protocol: "gs", path: url, code: "config" }));
  const [, bucket, prefix] = match as unknown as [string, string, string];
  const root = prefix === "" ? bucket : `${bucket}/${prefix.replace(/\/+$/, "")}`;
  return Promise.resolve().then(() => ({ fs: new GsFileSystem(new GsClient(gsSettings(options))), root }));
}

/** Google Cloud Storage through its JSON API. Paths are `bucket/key`; versions are generations. */
class GsFileSystem implements FileSystem {
  readonly protocol = "gs" as const;
  readonly caps: FsCaps = { atomicWrite: true, ranges: true, versionIds: true, maxParallel: 16, listPage: PAGE };
  readonly #client: GsClient;
  /** Known to be there: some servers say of a missing file no more than "not found". */
  readonly #buckets: Set<string> = new Set<string>();

  constructor(client: GsClient) {
    this.#client = client;
  }

  async stat(path: string, options?: StatOptions): Promise<Info | undefined> {
    const { bucket, key } = splitPath(path);
    if (key !== "") {
      try {
        const query = { fields: OBJECT_FIELDS, generation: options?.versionId };
        const answer = await this.#get(this.#client.path(bucket, key, query), path, options);
        const of = { about: this.url(path), protocol: "gs" };
        return gsInfo(bucket, jsonAnswer(answer, OBJECT_SHAPE, ["name"], of) as GsObject);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    if (!this.#buckets.has(bucket)) await this.#page(bucket, { maxResults: "1" }, options);
    return undefined;
  }

  async *list(prefix: string, options?: ListOptions): AsyncIterable<Info> {
    const { bucket, key } = splitPath(prefix);
    const start = (key === "" ? "" : `${key}/`) + (options?.startsWith ?? "");
    for await (const page of this.#pages(bucket, { prefix: start }, options)) {
      for (const one of page.items ?? []) yield gsInfo(bucket, one);
    }
  }

  async *children(path: string, options?: CallOptions): AsyncIterable<Info> {
    const { bucket, key } = splitPath(path);
    const prefix = key === "" ? "" : `${key}/`;
    for await (const page of this.#pages(bucket, { prefix, delimiter: "/" }, options)) {
      for (const one of page.prefixes ?? [])
        yield { path: `${bucket}/${one.replace(/\/$/, "")}`, size: 0, type: "folder" };
      // A name that ends at the folder itself is the mark some tools leave for an empty folder.
      for (const one of page.items ?? []) if (one.name !== prefix) yield gsInfo(bucket, one);
    }
  }

  async *#pages(bucket: string, query: Record<string, string>, options?: CallOptions): AsyncIterable<Page> {
    let token: string | undefined;
    do {
      const page: Page = await this.#page(bucket, { ...query, pageToken: token }, options);
      yield page;
      const next: string | undefined = page.nextPageToken === "" ? undefined : page.nextPageToken;
      if (next !== undefined && next === token)
        throw new StorageError(`the server's listing of '${bucket}' makes no sense`, { protocol: "gs", path: bucket });
      token = next;
    } while (token !== undefined);
  }

  async #page(bucket: string, query: Record<string, string | undefined>, options?: CallOptions): Promise<Page> {
    const fields = `nextPageToken,prefixes,items(${OBJECT_FIELDS})`;
    let answer: Buffer;
    try {
      answer = await this.#get(this.#client.path(bucket, undefined, { ...query, fields }), bucket, options);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      throw new StorageError(`the bucket '${bucket}' does not exist`, {
        protocol: "gs",
        path: `gs://${bucket}`,
        code: "config",
        hint: "Check the remote's url and endpointurl, or create the bucket.",
      });
    }
    this.#buckets.add(bucket);
    return jsonAnswer(answer, PAGE_SHAPE, [], { about: this.url(bucket), protocol: "gs" }) as Page;
  }

  /** Who may read and write objects may not always look at the bucket. */
  async keepsVersions(path: string, options?: CallOptions): Promise<boolean | undefined> {
    const { bucket } = splitPath(path);
    try {
      const answer = await this.#get(this.#client.bucketPath(bucket, { fields: "versioning" }), bucket, options);
      const shape = { versioning: { enabled: "truth" } } as const;
      const of = { about: this.url(bucket), protocol: "gs" };
      const { versioning } = jsonAnswer(answer, shape, [], of) as { versioning?: { enabled?: boolean } };
      return versioning?.enabled === true;
    } catch (error) {
      if (error instanceof StorageError && error.code === "auth") return undefined;
      throw error;
    }
  }

  async #get(path: string, about: string, options: CallOptions | undefined): Promise<Buffer> {
    const request = { method: "GET", path, about: this.url(about), signal: options?.signal } as const;
    return (await this.#client.http.send(request)).body;
  }

  #media(path: string, options: ReadOptions): string {
    const { bucket, key } = splitPath(path);
    return this.#client.path(bucket, key, { alt: "media", generation: options.versionId });
  }

  async read(path: string, options: ReadOptions = {}): Promise<Readable> {
    const { signal } = options;
    const request = { method: "GET", headers: rangeHeaders(options), about: this.url(path), signal } as const;
    return this.#client.http.attempt(signal, () =>
      this.#client.http.open({ ...request, path: this.#media(path, options) }),
    );
  }

  async readBytes(path: string, options: ReadOptions = {}): Promise<Buffer> {
    if (isEmptyRange(options)) return Buffer.alloc(0);
    const { signal } = options;
    const request = { method: "GET", headers: rangeHeaders(options), about: this.url(path), signal } as const;
    return (await this.#client.http.send({ ...request, path: this.#media(path, options) })).body;
  }

  async download(path: string, to: string, options: DownloadOptions = {}): Promise<Downloaded> {
    const get = { ...splitPath(path), headers: rangeHeaders(options), query: { generation: options.versionId } };
    return downloadObject(this.#client.ranges(), get, to, options);
  }

  async write(path: string, source: Source, options: WriteOptions = {}): Promise<void> {
    const target = splitPath(path);
    if ("file" in source && source.size > RESUMABLE_FROM) return putGsFile(this.#client, target, source.file, options);
    const bytes = "bytes" in source ? source.bytes : await readFile(source.file);
    return putGsBytes(this.#client, target, bytes, options);
  }

  async remove(path: string, options?: CallOptions): Promise<void> {
    const { bucket, key } = splitPath(path);
    await this.#client.http.send({
      method: "DELETE",
      path: this.#client.path(bucket, key),
      about: this.url(path),
      accept: [404],
      signal: options?.signal,
    });
  }

  async removeMany(paths: readonly string[], options?: CallOptions): Promise<void> {
    const batches = Array.from({ length: Math.ceil(paths.length / BATCH) }, (_, i) =>
      paths.slice(i * BATCH, (i + 1) * BATCH),
    );
    await mapBounded(batches, 4, (batch) => this.#removeBatch(batch, options), options?.signal);
  }

  async #removeBatch(paths: readonly string[], options: CallOptions | undefined): Promise<void> {
    const boundary = "=-holdfast-batch-51d0c6";
    const parts = paths.map((path, i) => {
      const { bucket, key } = splitPath(path);
      const line = `DELETE ${this.#client.path(bucket, key)} HTTP/1.1`;
      return `--${boundary}\r\ncontent-type: application/http\r\ncontent-id: <${String(i + 1)}>\r\n\r\n${line}\r\n\r\n\r\n`;
    });
    const answer = await this.#client.http.send({
      method: "POST",
      path: this.#client.batchPath(),
      headers: { "content-type": `multipart/mixed; boundary="${boundary}"` },
      body: Buffer.from(`${parts.join("")}--${boundary}--\r\n`),
      about: this.url(paths[0] ?? ""),
      signal: options?.signal,
    });
    const statuses = [...answer.body.toString("utf8").matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map((one) => Number(one[1]));
    const isDone = statuses.length === paths.length && statuses.every((one) => one < 300 || one === 404);
    // What was refused, or not answered, is asked for by itself: so it is tried again, or says why.
    if (!isDone) await mapBounded(paths, 16, (path) => this.remove(path, options), options?.signal);
  }

  url(path: string, versionId?: string): string {
    return `gs://${path}${versionId === undefined ? "" : `#${versionId}`}`;
  }

  access(): Promise<AccessFacts> {
    return this.#client.access();
  }

  close(): Promise<void> {
    this.#client.http.close();
    return Promise.resolve();
  }
}

const PAGE_SHAPE: Shape = { items: [OBJECT_SHAPE], prefixes: ["text"], nextPageToken: "text" };

interface Page {
  readonly items?: readonly GsObject[];
  readonly prefixes?: readonly string[];
  readonly nextPageToken?: string;
}
