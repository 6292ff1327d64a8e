import { StorageError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { mapBounded } from "../base/pool.ts";
import { type DriveItem, FOLDER_TYPE, type GdriveClient, ITEM_FIELDS, parsed } from "./gdriveClient.ts";

/** So many folders are listed by one request, and so many requests are under way. */
const FOLDERS_AT_ONCE = 40;
const PARALLEL = 4;
const PAGE = "1000";

/** An item and where it lies below the root: `a/b`. */
export interface Placed {
  readonly path: string;
  readonly item: DriveItem;
}

/** Whether an item is a folder. */
export function isFolder({ mimeType }: DriveItem): boolean {
  return mimeType === FOLDER_TYPE;
}

/**
 * Names below one folder of a drive. Drive knows items by their ids, and several may have one name: folders of one name are
 * read as one, of files the one with the smallest id counts. Paths are below the root, "" is the root itself.
 */
export class GdriveTree {
  readonly #client: GdriveClient;
  readonly #root: string;
  readonly #folders: Map<string, Promise<readonly string[]>> = new Map<string, Promise<readonly string[]>>();
  readonly #making: Map<string, Promise<string>> = new Map<string, Promise<string>>();
  /** Files as they were last seen. */
  readonly #files: Map<string, DriveItem> = new Map<string, DriveItem>();
  #scope: Promise<Readonly<Record<string, string>>> | undefined;

  constructor(client: GdriveClient, root: string) {
    this.#client = client;
    this.#root = root;
  }

  /** Where new items go: `drive`, or the hidden folder of the program that asks. */
  get space(): string {
    return this.#root === "appDataFolder" ? "appDataFolder" : "drive";
  }

  /** Items with this path, by id; folders too. */
  async find(path: string, options: CallOptions | undefined): Promise<DriveItem[]> {
    const parents = await this.#foldersAt(parentOf(path), options);
    if (parents.length === 0) return [];
    const name = nameOf(path);
    // Drive compares names without regard to case.
    const items = (await this.#query(parents, name, options)).filter((item) => item.name === name);
    const sorted = items.sort(byId);
    const file = sorted.find((item) => !isFolder(item));
    if (file === undefined) this.#files.delete(path);
    else this.#files.set(path, file);
    return sorted;
  }

  /** The file with this path, also as it was seen before. */
  async file(path: string, options: CallOptions | undefined): Promise<DriveItem | undefined> {
    return this.#files.get(path) ?? (await this.find(path, options)).find((item) => !isFolder(item));
  }

  /** Notes what was written. */
  note(path: string, item: DriveItem): void {
    this.#files.set(path, item);
  }

  /** What was seen of a file counts no more. */
  forget(path: string): void {
    this.#files.delete(path);
  }

  /** Whether the root is there. @throws {StorageError} code "config" when it is not */
  async checkRoot(options: CallOptions | undefined): Promise<void> {
    await this.#scopeOf(options);
  }

  /** The id of a folder, which is made where it is missing. */
  async ensureFolder(path: string, options: CallOptions | undefined): Promise<string> {
    const [there] = await this.#foldersAt(path, options);
    if (there !== undefined) return there;
    let making = this.#making.get(path);
    if (making === undefined) {
      making = this.#makeFolder(path).finally(() => this.#making.delete(path));
      this.#making.set(path, making);
    }
    return making;
  }

  async #makeFolder(path: string): Promise<string> {
    const parent = await this.ensureFolder(parentOf(path), undefined);
    const id = await this.#client.newId(this.space, undefined);
    await this.#client.http.send({
      method: "POST",
      path: this.#client.path(undefined, { fields: "id" }),
      headers: { "content-type": "application/json; charset=UTF-8" },
      body: Buffer.from(JSON.stringify({ id, name: nameOf(path), mimeType: FOLDER_TYPE, parents: [parent] })),
      about: this.#url(path),
      // An answer was lost: it is there.
      accept: [409],
    });
    this.#folders.set(path, Promise.resolve([id]));
    return id;
  }

  /** What a folder holds itself; each name once. */
  async children(path: string, options: CallOptions | undefined): Promise<Placed[]> {
    const ids = await this.#foldersAt(path, options);
    return this.#level(new Map(ids.map((id) => [id, path])), options);
  }

  /** All files below a folder whose path begins with `start`. */
  async *below(path: string, start: string, options: CallOptions | undefined): AsyncGenerator<Placed> {
    let level = new Map((await this.#foldersAt(path, options)).map((id) => [id, path]));
    const seen = new Set<string>();
    while (level.size > 0) {
      for (const id of level.keys()) seen.add(id);
      const next = new Map<string, string>();
      for (const placed of await this.#level(level, options, next)) {
        if (!isFolder(placed.item) && placed.path.startsWith(start)) yield placed;
      }
      level = new Map(
        [...next].filter(([id, at]) => !seen.has(id) && (at.startsWith(start) || start.startsWith(`${at}/`))),
      );
    }
  }

  /** The items of these folders (paths by id); `folders` gets all ids of folders among them. */
  async #level(
    level: ReadonlyMap<string, string>,
    options: CallOptions | undefined,
    folders: Map<string, string> = new Map<string, string>(),
  ): Promise<Placed[]> {
    const ids = [...level.keys()];
    const groups = Array.from({ length: Math.ceil(ids.length / FOLDERS_AT_ONCE) }, (_, i) =>
      ids.slice(i * FOLDERS_AT_ONCE, (i + 1) * FOLDERS_AT_ONCE),
    );
    const query = (group: readonly string[]): Promise<DriveItem[]> => this.#query(group, undefined, options);
    const found = (await mapBounded(groups, PARALLEL, query, options?.signal)).flat().sort(byId);
    const placed = new Map<string, Placed>();
    const paths = new Map<string, string[]>();
    for (const item of found) {
      const parent = item.parents?.find((id) => level.has(id)) ?? (ids.length === 1 ? ids[0] : undefined);
      if (parent === undefined) continue;
      const path = join(level.get(parent) ?? "", this.#checked(item, level.get(parent) ?? ""));
      if (isFolder(item)) {
        folders.set(item.id, path);
        paths.set(path, [...(paths.get(path) ?? []), item.id]);
      } else if (!placed.has(path)) this.#files.set(path, item);
      if (!placed.has(path)) placed.set(path, { path, item });
    }
    for (const [path, own] of paths) this.#folders.set(path, Promise.resolve(own));
    return [...placed.values()];
  }

  #foldersAt(path: string, options: CallOptions | undefined): Promise<readonly string[]> {
    if (path === "") return this.#scopeOf(options).then(() => [this.#root]);
    let ids = this.#folders.get(path);
    if (ids === undefined) {
      ids = this.find(path, options).then((items) => items.filter(isFolder).map(({ id }) => id));
      this.#folders.set(path, ids);
      ids.catch(() => this.#folders.delete(path));
    }
    return ids;
  }

  async #query(parents: readonly string[], name: string | undefined, options?: CallOptions): Promise<DriveItem[]> {
    const inside = parents.map((id) => `${quoted(id)} in parents`).join(" or ");
    const q = `(${inside}) and trashed = false${name === undefined ? "" : ` and name = ${quoted(name)}`}`;
    const fields = `nextPageToken,files(${ITEM_FIELDS})`;
    const items: DriveItem[] = [];
    let pageToken: string | undefined;
    do {
      const query = { q, fields, pageSize: PAGE, pageToken, ...(await this.#scopeOf(options)) };
      const page = await this.#client.ask<{ nextPageToken?: string; files?: readonly DriveItem[] }>(
        this.#url(""),
        this.#client.path(undefined, query),
        options,
      );
      // Documents of Google's own programs and shortcuts have no bytes.
      items.push(...(page.files ?? []).filter((item) => isFolder(item) || item.size !== undefined));
      if (page.nextPageToken !== undefined && page.nextPageToken === pageToken)
        throw this.#problem("", "the server's listing makes no sense");
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
    return items;
  }

  /** What says where to look; asks for the root once, which may lie in a shared drive. */
  #scopeOf(options: CallOptions | undefined): Promise<Readonly<Record<string, string>>> {
    this.#scope ??= this.#askScope(options);
    this.#scope.catch(() => {
      this.#scope = undefined;
    });
    return this.#scope;
  }

  async #askScope(options: CallOptions | undefined): Promise<Readonly<Record<string, string>>> {
    if (this.#root === "appDataFolder") return { spaces: "appDataFolder" };
    const path = this.#client.path(this.#root, { fields: "id,mimeType,driveId,trashed" });
    const about = this.#url("");
    const { status, body } = await this.#client.http.send({
      method: "GET",
      path,
      about,
      accept: [404],
      signal: options?.signal,
    });
    const found = status === 404 ? undefined : parsed<Partial<DriveItem> & RootFacts>(about, body);
    if (found?.mimeType !== FOLDER_TYPE || found.trashed === true) {
      throw new StorageError(`the folder '${this.#root}' is not there, or not for the account that asks`, {
        protocol: "gdrive",
        path: about,
        code: "config",
        hint: "Take its id from the address in the browser (…/folders/ID), and share it with the account.",
      });
    }
    const all = { includeItemsFromAllDrives: "true" };
    return found.driveId === undefined ? all : { ...all, corpora: "drive", driveId: found.driveId };
  }

  /** A name that would be another path is no name here. */
  #checked({ name }: DriveItem, folder: string): string {
    if (name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name)) return name;
    throw this.#problem(folder, `holds an item of the name '${name}', which can't be part of a path`);
  }

  #problem(path: string, what: string): StorageError {
    const url = this.#url(path);
    return new StorageError(`'${url}' ${what}`, { protocol: "gdrive", path: url });
  }

  #url(path: string): string {
    return `gdrive://${join(this.#root, path)}`;
  }
}

interface RootFacts {
  readonly driveId?: string;
  readonly trashed?: boolean;
}

/** A text in a search of Drive. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

function byId(one: DriveItem, other: DriveItem): number {
  return one.id < other.id ? -1 : one.id > other.id ? 1 : 0;
}

/** Folder of a path; "" for the root's own. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** Last part of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function join(folder: string, name: string): string {
  return folder === "" || name === "" ? folder + name : `${folder}/${name}`;
}
