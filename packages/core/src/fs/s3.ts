import { readFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { isNotFound, StorageError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { mapBounded } from "../base/pool.ts";
import { md5Hex } from "./fileHash.ts";
import type {
  AccessFacts,
  DownloadOptions,
  Downloaded,
  FileSystem,
  FsCaps,
  Info,
  ListOptions,
  Protocol,
  ReadOptions,
  Source,
  WriteOptions,
} from "./filesystem.ts";
import { isEmptyRange, rangeHeaders, splitPath } from "./objectPath.ts";
import type { OpenedStorage, OpenOptions } from "./openOptions.ts";
import type { AnswerHeaders } from "./httpAnswer.ts";
import { type ObjectClient, S3Client } from "./s3Client.ts";
import { downloadObject, type GetRequest } from "./s3Download.ts";
import { S3AnswerError } from "./s3Errors.ts";
import { type ObjectSettings, s3Settings } from "./s3Settings.ts";
import { putBytes, putLargeFile } from "./s3Upload.ts";
import { escapeXml, xmlElements, xmlText } from "./s3Xml.ts";

const PAGE = 1000;

/** Opens `s3://bucket/prefix`. @throws {ConfigError} for a bad URL or option. */
export function openS3(url: string, options: OpenOptions): Promise<OpenedStorage> {
  const match = /^s3:\/\/([^/?#]+)\/?([^?#]*)/.exec(url);
  if (match === null) {
    return Promise.reject(new StorageError(`'${url}' names no bucket`, { protocol: "s3", path: url, code: "config" }));
  }
  const [, bucket, prefix] = match as unknown as [string, string, string];
  const root = prefix === "" ? bucket : `${bucket}/${prefix.replace(/\/+$/, "")}`;
  return Promise.resolve().then(() => {
    const settings = s3Settings(options);
    return { fs: new S3FileSystem(settings, new S3Client(settings)), root };
  });
}

/** Amazon S3 and storages that speak like it, each through its client. Paths are `bucket/key`. */
export class S3FileSystem implements FileSystem {
  readonly protocol: Protocol;
  readonly caps: FsCaps;
  readonly client: ObjectClient;
  readonly #settings: ObjectSettings;
  /** Buckets known to be there: a HEAD of a file does not tell a missing file from a missing bucket. */
  readonly #buckets: Set<string> = new Set<string>();

  constructor(settings: ObjectSettings, client: ObjectClient) {
    this.#settings = settings;
    this.client = client;
    this.protocol = client.protocol;
    const versionIds = client.protocol === "s3";
    this.caps = { atomicWrite: true, ranges: true, versionIds, maxParallel: 16, listPage: PAGE };
  }

  async stat(path: string, options?: CallOptions & { readonly versionId?: string }): Promise<Info | undefined> {
    const { bucket, key } = splitPath(path);
    if (key !== "") {
      const info = await this.#head(path, bucket, key, options);
      if (info !== undefined) return info;
    }
    await this.#checkBucket(bucket, options);
    return undefined;
  }

  async #head(
    path: string,
    bucket: string,
    key: string,
    options?: CallOptions & { readonly versionId?: string },
  ): Promise<Info | undefined> {
    const headers = this.#settings.customerHeaders;
    const query = { versionId: options?.versionId };
    try {
      const answer = await this.client.send({ method: "HEAD", bucket, key, headers, query, signal: options?.signal });
      return infoOf(path, answer.headers);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #checkBucket(bucket: string, options: CallOptions | undefined): Promise<void> {
    if (this.#buckets.has(bucket)) return;
    try {
      await this.#page(bucket, { "max-keys": "1" }, options);
    } catch (error) {
      // Who may not list it learns that it is there.
      if (!(error instanceof S3AnswerError) || error.reason !== "AccessDenied") throw error;
      this.#buckets.add(bucket);
    }
  }

  /** All files below the folder, in the order of the keys' UTF-8 bytes, by pages of 1000. */
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
      // A key that ends at the folder itself is the mark some tools leave for an empty folder.
      for (const file of page.files) if (file.path !== `${bucket}/${prefix}`) yield file;
    }
  }

  async *#pages(bucket: string, query: Record<string, string>, options?: CallOptions): AsyncIterable<Page> {
    let token: string | undefined;
    do {
      const page: Page = await this.#page(bucket, { ...query, "continuation-token": token }, options);
      yield page;
      // A server that gives the same page for ever would be listed for ever.
      if (page.next !== undefined && page.next === token) throw strangeListing(bucket);
      token = page.next;
    } while (token !== undefined);
  }

  async #page(bucket: string, query: Record<string, string | undefined>, options?: CallOptions): Promise<Page> {
    const full = { "list-type": "2", "encoding-type": "url", ...query };
    const answer = await this.client.send({ method: "GET", bucket, query: full, signal: options?.signal });
    this.#buckets.add(bucket);
    return parsePage(bucket, answer.body.toString("utf8"));
  }

  async read(path: string, options: ReadOptions = {}): Promise<Readable> {
    return this.client.attempt(options.signal, () =>
      this.client.open({ ...this.#get(path, options), method: "GET", signal: options.signal }),
    );
  }

  async readBytes(path: string, options: ReadOptions = {}): Promise<Buffer> {
    if (isEmptyRange(options)) return Buffer.alloc(0);
    const answer = await this.client.send({ ...this.#get(path, options), method: "GET", signal: options.signal });
    return answer.body;
  }

  async download(path: string, to: string, options: DownloadOptions = {}): Promise<Downloaded> {
    return downloadObject(this.client, this.#get(path, options), to, options);
  }

  async write(path: string, source: Source, options: WriteOptions = {}): Promise<void> {
    const target = splitPath(path);
    if ("file" in source && source.size > this.#settings.multipartThreshold)
      return putLargeFile(this.client, this.#settings, target, source.file, options);
    const bytes = "bytes" in source ? source.bytes : await readFile(source.file);
    return putBytes(this.client, this.#settings, target, bytes, options);
  }

  async remove(path: string, options?: CallOptions): Promise<void> {
    const { bucket, key } = splitPath(path);
    try {
      await this.client.send({ method: "DELETE", bucket, key, signal: options?.signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async removeMany(paths: readonly string[], options?: CallOptions): Promise<void> {
    const byBucket = new Map<string, string[]>();
    for (const path of paths) {
      const { bucket, key } = splitPath(path);
      const keys = byBucket.get(bucket);
      if (keys === undefined) byBucket.set(bucket, [key]);
      else keys.push(key);
    }
    for (const [bucket, keys] of byBucket) {
      const batches = Array.from({ length: Math.ceil(keys.length / PAGE) }, (_, i) =>
        keys.slice(i * PAGE, (i + 1) * PAGE),
      );
      await mapBounded(batches, 4, (batch) => this.#removeBatch(bucket, batch, options), options?.signal);
    }
  }

  async #removeBatch(bucket: string, keys: readonly string[], options?: CallOptions): Promise<void> {
    const objects = keys.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`).join("");
    const body = Buffer.from(`<Delete><Quiet>true</Quiet>${objects}</Delete>`);
    const md5 = Buffer.from(md5Hex(body), "hex").toString("base64");
    const headers = { "content-md5": md5, "content-type": "application/xml" };
    const answer = await this.client.send({
      method: "POST",
      bucket,
      query: { delete: "" },
      headers,
      body,
      signal: options?.signal,
    });
    const said = answer.body.toString("utf8");
    const [failure] = xmlElements(said, "Error").filter((one) => xmlText(one, "Code") !== "NoSuchKey");
    if (failure === undefined) return;
    const key = xmlText(failure, "Key") ?? "";
    const url = this.url(`${bucket}/${key}`);
    throw new StorageError(`'${url}' could not be removed: ${xmlText(failure, "Message") ?? ""}`, {
      protocol: this.protocol,
      path: url,
      code: xmlText(failure, "Code") === "AccessDenied" ? "auth" : "storage",
    });
  }

  #get(path: string, options: ReadOptions): GetRequest {
    const headers = { ...this.#settings.customerHeaders, ...rangeHeaders(options) };
    return { ...splitPath(path), headers, query: { versionId: options.versionId } };
  }

  url(path: string, versionId?: string): string {
    return `${this.protocol}://${path}${versionId === undefined ? "" : `?versionId=${versionId}`}`;
  }

  access(): Promise<AccessFacts> {
    return this.client.access();
  }

  close(): Promise<void> {
    this.client.close();
    return Promise.resolve();
  }
}

interface Page {
  readonly files: readonly Info[];
  readonly folders: readonly Info[];
  readonly next: string | undefined;
}

function parsePage(bucket: string, xml: string): Page {
  // Keys come URL-encoded, because XML cannot hold every character; servers that do not know how say so by silence.
  const decode = xmlText(xml, "EncodingType") === "url" ? decodeKey : (text: string): string => text;
  const files = xmlElements(xml, "Contents").map((one): Info => {
    const mtime = Date.parse(xmlText(one, "LastModified") ?? "");
    const etag = xmlText(one, "ETag")?.replace(/"/g, "");
    return {
      path: `${bucket}/${decode(xmlText(one, "Key") ?? "")}`,
      size: Number(xmlText(one, "Size") ?? 0),
      type: "file",
      ...(etag === undefined ? {} : { etag }),
      ...(Number.isNaN(mtime) ? {} : { mtimeMs: mtime }),
    };
  });
  const folders = xmlElements(xml, "CommonPrefixes").map((one): Info => {
    const prefix = decode(xmlText(one, "Prefix") ?? "");
    return { path: `${bucket}/${prefix.replace(/\/$/, "")}`, size: 0, type: "folder" };
  });
  const truncated = xmlText(xml, "IsTruncated") === "true";
  return { files, folders, next: truncated ? xmlText(xml, "NextContinuationToken") : undefined };
}

function decodeKey(text: string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  try {
    return decodeURIComponent(text.replace(/\+/g, " "));
  } catch {
    throw strangeListing(text);
  }
}

function strangeListing(about: string): StorageError {
  return new StorageError(`the server's listing of '${about}' makes no sense`, { protocol: "s3", path: about });
}

function infoOf(path: string, headers: AnswerHeaders): Info {
  const mtime = Date.parse(headers["last-modified"] ?? "");
  const version = headers["x-amz-version-id"];
  return {
    path,
    size: Number(headers["content-length"] ?? 0),
    type: "file",
    ...(headers["etag"] === undefined ? {} : { etag: headers["etag"].replace(/"/g, "") }),
    ...(version === undefined ? {} : { versionId: version }),
    ...(Number.isNaN(mtime) ? {} : { mtimeMs: mtime }),
  };
}
