import { constants, copyFileSync, existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { DIR_SUFFIX } from "../hash/hashInfo.ts";
import { md5Bytes } from "../hash/md5.ts";
import { pruneRecords } from "./pruneRecords.ts";
import { MAX_MANIFEST_BYTES, Tree } from "./tree.ts";
import { makeFolders } from "../fs/makeFolders.ts";
import { readBounded } from "../fs/readBounded.ts";

/**
 * Copies of manifests that a command has looked into: what a folder held can be told after the cache was emptied, as DVC's
 * private index can. Nothing is restored from them. Safe to delete.
 */
export class KeptManifests {
  readonly #folder: OsPath;
  #isFresh = true;

  /** `folder` holds the copies; "" keeps none. */
  constructor(folder: OsPath) {
    this.#folder = folder;
  }

  /** Keeps a copy of the manifest `oid`, which lies at `path`. Not being able to is no failure. */
  keep(oid: string, path: OsPath): void {
    this.#keep(oid, (temporary) => {
      copyFileSync(path, temporary, constants.COPYFILE_FICLONE);
    });
  }

  /** Keeps the manifest `oid`, whose text is `bytes`. Not being able to is no failure. */
  keepBytes(oid: string, bytes: Uint8Array): void {
    this.#keep(oid, (temporary) => {
      writeFileSync(temporary, bytes);
    });
  }

  #keep(oid: string, write: (temporary: OsPath) => void): void {
    if (this.#folder === "" || existsSync(this.#file(oid))) return;
    const temporary = `${this.#file(oid)}.${String(process.pid)}`;
    try {
      makeFolders(this.#folder);
      write(temporary);
      renameSync(temporary, this.#file(oid));
      if (this.#isFresh) pruneRecords(this.#folder);
      this.#isFresh = false;
    } catch {
      rmSync(temporary, { force: true });
    }
  }

  /** A manifest that was kept and is undamaged. */
  read(oid: string): Tree | undefined {
    if (this.#folder === "") return undefined;
    const file = this.#file(oid);
    try {
      const bytes = readBounded(file, MAX_MANIFEST_BYTES);
      return bytes !== undefined && md5Bytes(bytes) + DIR_SUFFIX === oid ? Tree.parse(bytes, file) : undefined;
    } catch {
      return undefined;
    }
  }

  #file(oid: string): OsPath {
    return join(this.#folder, oid);
  }
}
