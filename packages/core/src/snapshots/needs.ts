import { collectObjects, type ObjectGroup, type OutputFilter } from "../repo/objects.ts";
import type { Index, Selected } from "../repo/index.ts";
import { ownData } from "../repo/references.ts";
import type { Repo } from "../repo/repo.ts";
import { cachedManifest } from "./objects.ts";

type HashName = ObjectGroup["hashName"];

/** What the outputs of a snapshot name, of one remote and in one layout. */
export interface SnapshotNeeds {
  /** The remote that the outputs name; undefined for the default one. */
  readonly remote: string | undefined;
  readonly hashName: HashName;
  /** Files and manifests. */
  readonly oids: ReadonlySet<string>;
}

/** What a snapshot needs, without the files of its folders. Data of other repositories is left out by default. */
export function snapshotNeeds(repo: Repo, index: Index, filter: OutputFilter = ownData): SnapshotNeeds[] {
  return needsOf(repo, index.collect([]), filter);
}

/** The same of some outputs; by default of all of them. */
export function needsOf(repo: Repo, selected: readonly Selected[], filter: OutputFilter = () => true): SnapshotNeeds[] {
  const groups = new Map<string, ObjectGroup>();
  collectObjects(repo, selected, filter, groups);
  return [...groups.values()].map(({ remote, hashName, files, dirs }) => ({
    remote,
    hashName,
    oids: new Set([...files, ...dirs]),
  }));
}

/**
 * The objects of many snapshots in one layout. Each has a number and each manifest is read once: thousands of snapshots of
 * folders of 100,000 files fit into memory.
 */
export class NumberedObjects {
  readonly #repo: Repo;
  readonly #hashName: HashName;
  readonly #numbers = new Map<string, number>();
  /** Id of an output -> its number and, of a folder, those of its files. */
  readonly #parts = new Map<string, Uint32Array>();
  readonly #unread = new Set<string>();

  constructor(repo: Repo, hashName: HashName) {
    this.#repo = repo;
    this.#hashName = hashName;
  }

  /** How many there are by now. */
  get size(): number {
    return this.#numbers.size;
  }

  /** The objects that an output with this id needs, as numbers. */
  partsOf(oid: string): Uint32Array {
    let parts = this.#parts.get(oid);
    if (parts === undefined) this.#parts.set(oid, (parts = this.#read(oid)));
    return parts;
  }

  /** Whether nobody knows what else an output needs: its manifest could not be read. */
  isUnread(oid: string): boolean {
    return this.#unread.has(oid);
  }

  /** The ids of all that these outputs need. */
  idsOf(oids: Iterable<string>): Set<string> {
    const isNeeded = new Uint8Array(this.size);
    for (const oid of oids) for (const number of this.partsOf(oid)) isNeeded[number] = 1;
    const found = new Set<string>();
    for (const [oid, number] of this.#numbers) if (isNeeded[number] === 1) found.add(oid);
    return found;
  }

  /** 1 at the number of each of these. */
  marked(oids: Iterable<string>): Uint8Array {
    const marks = new Uint8Array(this.size);
    for (const oid of oids) {
      const number = this.#numbers.get(oid);
      if (number !== undefined) marks[number] = 1;
    }
    return marks;
  }

  #read(oid: string): Uint32Array {
    const group = { hashName: this.#hashName };
    const tree = cachedManifest(this.#repo, group, oid);
    if (tree === undefined && oid.endsWith(".dir")) this.#unread.add(oid);
    const numbers = new Set([this.#numberOf(oid)]);
    for (const md5 of tree?.md5s() ?? []) numbers.add(this.#numberOf(md5));
    return Uint32Array.from(numbers);
  }

  #numberOf(oid: string): number {
    let number = this.#numbers.get(oid);
    if (number === undefined) this.#numbers.set(oid, (number = this.#numbers.size));
    return number;
  }
}

/** Counts the objects of one snapshot after the other, by what the next has more and less: neighbours share most. */
export class RunningCount {
  readonly #objects: NumberedObjects;
  readonly #isThere: Uint8Array;
  /** How many outputs need each object. */
  readonly #uses: Uint32Array;
  #outputs: ReadonlySet<string> = new Set();
  objects = 0;
  present = 0;
  unread = 0;

  /** `isThere`: 1 at the number of each object that the store has */
  constructor(objects: NumberedObjects, isThere: Uint8Array) {
    this.#objects = objects;
    this.#isThere = isThere;
    this.#uses = new Uint32Array(objects.size);
  }

  /** From now on it counts what these outputs need. */
  moveTo(outputs: ReadonlySet<string>): void {
    for (const oid of this.#outputs) if (!outputs.has(oid)) this.#change(oid, -1);
    for (const oid of outputs) if (!this.#outputs.has(oid)) this.#change(oid, 1);
    this.#outputs = outputs;
  }

  #change(oid: string, by: 1 | -1): void {
    if (this.#objects.isUnread(oid)) this.unread += by;
    for (const number of this.#objects.partsOf(oid)) {
      const before = this.#uses[number] as number;
      this.#uses[number] = before + by;
      if (before !== (by === 1 ? 0 : 1)) continue;
      this.objects += by;
      if (this.#isThere[number] === 1) this.present += by;
    }
  }
}
