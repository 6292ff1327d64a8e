import { randomBytes } from "node:crypto";
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
  WriteOptions,
} from "./filesystem.ts";
import { filesBelow, folderCaps, withoutSlash } from "./folderWalk.ts";
import { type DavEntry, parseMultistatus, PROPFIND_BODY } from "./multistatus.ts";
import type { OpenedStorage, OpenOptions } from "./openOptions.ts";
import { WebClient } from "./webClient.ts";
import { WebAnswerError } from "./webFailure.ts";
import { type WebDavSettings, webDavSettings } from "./webdavSettings.ts";

const PARALLEL = 16;
/** Of larger files the server is asked whether all of it arrived (bytes). */
const CHECKED_SIZE = 1 << 20;
/** Answers of servers that move nothing, or not to the address that is named (a proxy before them changes it). */
const NO_MOVE: ReadonlySet<number> = new Set([400, 405, 501, 502]);
/** Answers to MKCOL that leave it to the upload to tell: it is there, or may not be touched. */
const MAY_BE_THERE = [403, 405];
/** The folder above is missing. */
const NO_PARENT = [404, 409];
const HINTS = {
  auth: "Check the remote's `user`, `password`, `token` or `custom_auth_header`.",
  method: "Is it the address of a WebDAV server? Of Nextcloud it ends in /remote.php/dav/files/USER.",
};

/** Opens `webdav(s)://user@host:port/path`. @throws {ConfigError} for a bad URL or option */
export async function openWebDav(url: string, options: OpenOptions): Promise<OpenedStorage> {
  const { settings, root } = await webDavSettings(url, options);
  return { fs: new WebDavFileSystem(settings), root };
}

/** A WebDAV server (RFC 4918). Paths begin with "/" and are those of the URL, decoded. */
class WebDavFileSystem implements FileSystem {
  readonly protocol: "webdav" | "webdavs";
  readonly caps: FsCaps = folderCaps(PARALLEL);
  readonly #settings: WebDavSettings;
  readonly #client: WebClient;
  /** Folders that are there, or being made. */
  readonly #folders: Map<string, Promise<void>> = new Map<string, Promise<void>>();
  #moves = true;

  constructor(settings: WebDavSettings) {
    this.#settings = settings;
    this.protocol = settings.protocol;
    this.#client = new WebClient({ ...settings, hints: HINTS });
  }

  async stat(path: string, options?: CallOptions): Promise<Info | undefined> {
    const entry = (await this.#find(path, "0", options))?.[0];
    return entry && this.#infoOf(path, entry);
  }

  list(prefix: string, options?: ListOptions): AsyncIterable<Info> {
    const list = (folder: string): Promise<Info[]> => this.#childrenOf(folder, options);
    return filesBelow(prefix, options?.startsWith ?? "", PARALLEL, list, this.protocol);
  }

  async *children(path: string, options?: CallOptions): AsyncIterable<Info> {
    yield* await this.#childrenOf(path, options);
  }

  async #childrenOf(path: string, options: CallOptions | undefined): Promise<Info[]> {
    const folder = withoutSlash(path);
    const entries = (await this.#find(`${folder}/`, "1", options)) ?? [];
    const inside = entries.filter((entry) => entry.path !== folder);
    for (const entry of inside) {
      const name = entry.path.slice(folder.length + 1);
      if (entry.path.startsWith(`${folder}/`) && name !== "" && !name.includes("/")) continue;
      const what = `asked for '${this.#client.url(path)}', the server tells of '${entry.path}'`;
      throw this.#client.problem(path, what, { hint: "The remote's URL must be the one that the server itself uses." });
    }
    return inside.map((entry) => this.#infoOf(entry.path, entry));
  }

  /** What PROPFIND tells; undefined when nothing is there. */
  async #find(path: string, depth: "0" | "1", options: CallOptions | undefined): Promise<DavEntry[] | undefined> {
    const headers = { depth, "content-type": "application/xml; charset=utf-8" };
    try {
      const request = { ...this.#client.request("PROPFIND", path, headers, options), body: PROPFIND_BODY };
      const { status, body } = await this.#client.send(request);
      if (status === 207) return parseMultistatus(body.toString("utf8"), this.#settings.base);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      if (error instanceof StorageError || options?.signal?.aborted === true) throw error;
      const message = `the server's answer about '${this.#client.url(path)}' can't be read`;
      throw this.#client.problem(path, message, { cause: error });
    }
    const message = `'${this.#client.url(path)}' is not on a WebDAV server`;
    throw this.#client.problem(path, message, { code: "config", hint: HINTS.method });
  }

  #infoOf(path: string, { isFolder, size, etag, mtimeMs }: DavEntry): Info {
    const time = mtimeMs === undefined ? {} : { mtimeMs };
    if (isFolder) return { path, size: 0, type: "folder", ...time };
    if (size === undefined)
      throw this.#client.problem(path, `the server does not tell the size of '${this.#client.url(path)}'`, {});
    return { path, size, type: "file", ...time, ...(etag === undefined ? {} : { etag }) };
  }

  read(path: string, options: ReadOptions = {}): Promise<Readable> {
    return this.#client.read(path, options);
  }

  readBytes(path: string, options: ReadOptions = {}): Promise<Buffer> {
    return this.#client.readBytes(path, options);
  }

  download(path: string, to: string, options: DownloadOptions = {}): Promise<Downloaded> {
    return this.#client.download(path, to, options);
  }

  /** Beside its place first, then moved: readers never see half of it. Servers that move nothing get it at its place. */
  async write(path: string, source: Source, options: WriteOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    await this.#ensureFolder(parentOf(path));
    // What was moved while the answer got lost is not found a second time: it is sent anew.
    for (let tries = 0; this.#moves && tries < 2; tries++) {
      if (await this.#writeAside(path, source, options, tries === 0)) return;
    }
    await this.#upload(path, source, options, true);
  }

  /** @returns false when it could not be moved, for a reason that leaves another way; its bytes are then taken back. */
  async #writeAside(path: string, source: Source, options: WriteOptions, mayBeLost: boolean): Promise<boolean> {
    const aside = `${path}.${randomBytes(6).toString("hex")}.hftmp`;
    try {
      const size = await this.#upload(aside, source, options, false);
      try {
        await this.#move(aside, path, options);
        return true;
      } catch (error) {
        const isUnmovable = error instanceof WebAnswerError && NO_MOVE.has(error.status);
        if (!isUnmovable && !(mayBeLost && isNotFound(error))) throw error;
        options.onBytes?.(-size);
        if (isUnmovable) this.#moves = false;
      }
    } catch (error) {
      await this.remove(aside).catch(() => undefined);
      throw error;
    }
    await this.remove(aside);
    return false;
  }

  async #upload(path: string, source: Source, options: WriteOptions, checkFirst: boolean): Promise<number> {
    const upload = { method: "PUT", path, source, checkFirst } as const;
    return this.#client.attempt(options.signal, async () => {
      const size = await this.#client.upload(upload, options);
      if (size < CHECKED_SIZE) return size;
      const there = await this.stat(path, options);
      if (there?.size === size) return size;
      options.onBytes?.(-size);
      throw this.#client.problem(path, `'${this.#client.url(path)}' did not arrive whole`, { retryable: true });
    });
  }

  async #move(from: string, to: string, options: CallOptions): Promise<void> {
    const headers = { destination: this.#client.url(to), overwrite: "T" };
    await this.#client.send(this.#client.request("MOVE", from, headers, options));
  }

  #ensureFolder(folder: string): Promise<void> {
    if (folder === "") return Promise.resolve();
    let made = this.#folders.get(folder);
    if (made === undefined) {
      made = this.#makeFolder(folder).catch((error: unknown) => {
        this.#folders.delete(folder);
        throw error;
      });
      this.#folders.set(folder, made);
    }
    return made;
  }

  async #makeFolder(folder: string): Promise<void> {
    const make = async (accept: readonly number[]): Promise<boolean> => {
      const request = this.#client.request("MKCOL", `${folder}/`, {}, undefined);
      const { status } = await this.#client.send({ ...request, accept });
      return !NO_PARENT.includes(status);
    };
    if (await make([...MAY_BE_THERE, ...NO_PARENT])) return;
    await this.#ensureFolder(parentOf(folder));
    await make(MAY_BE_THERE);
  }

  /** Of a file. A folder would go with all that it holds. */
  async remove(path: string, options?: CallOptions): Promise<void> {
    try {
      await this.#client.send(this.#client.request("DELETE", path, {}, options));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async removeMany(paths: readonly string[], options?: CallOptions): Promise<void> {
    await mapBounded(paths, PARALLEL, (path) => this.remove(path, options), options?.signal);
  }

  url(path: string): string {
    return this.#client.url(path).replace(/^http/, "webdav");
  }

  access(): Promise<AccessFacts> {
    return Promise.resolve({ credentials: this.#settings.credentials, endpoint: this.#settings.base.origin });
  }

  close(): Promise<void> {
    this.#client.close();
    return Promise.resolve();
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
