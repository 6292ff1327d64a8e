import { type Data, isFolder, md5, type Name, objectsOf, oidOf } from "./data.ts";
import type { Picture, World } from "./world.ts";

/** One command that can be taken back: how workspace, pointers and ignore files were, and were then. */
interface Noted {
  readonly entry: string;
  readonly before: Picture;
  readonly after: Picture;
}

/** What should be on the disk. */
export class Model {
  /** How data gets from the cache into the workspace. */
  readonly cacheType: string;
  readonly workspace = new Map<Name, Data>();
  readonly pointers = new Map<Name, string>();
  readonly cache = new Set<string>();
  readonly remote = new Set<string>();
  branch = "main";
  /** What the tip of each branch records. */
  readonly branches = new Map<string, ReadonlyMap<Name, string>>([["main", new Map()]]);
  /** What each tag records. */
  readonly tags: ReadonlyMap<Name, string>[] = [];
  /** What all commits record. */
  readonly history: ReadonlyMap<Name, string>[] = [];
  /** Oldest first. */
  readonly noted: Noted[] = [];
  /** Since an object left the cache, not every command can be taken back. */
  hasLost = false;
  readonly #known = new Map<string, Data>();

  constructor(cacheType: string) {
    this.cacheType = cacheType;
  }

  /** Notes data, so that its hash tells it from now on. @returns its hash. */
  know(data: Data): string {
    const oid = oidOf(data);
    this.#known.set(oid, data);
    return oid;
  }

  /** What a hash names. */
  dataOf(oid: string): Data {
    const data = this.#known.get(oid);
    if (data === undefined) throw new Error(`nobody ever had ${oid}`);
    return data;
  }

  /** The objects that hold what a hash names. */
  objectsOf(oid: string): string[] {
    return objectsOf(this.dataOf(oid));
  }

  /** Which of these hashes a store can bring back whole. */
  isWhole(oid: string, store: ReadonlySet<string>): boolean {
    return this.objectsOf(oid).every((one) => store.has(one));
  }

  /** Records what the workspace holds at a path, as `add` does. */
  record(name: Name): void {
    const data = this.workspace.get(name);
    if (data === undefined) throw new Error(`nothing is at ${name}`);
    this.pointers.set(name, this.know(data));
    for (const oid of objectsOf(data)) this.cache.add(oid);
  }

  /** Files of a path whose content no cache has and that would go for `wanted`. */
  unsaved(name: Name, wanted: Data): string[] {
    const now = this.workspace.get(name);
    if (now === undefined) return [];
    return [...now]
      .filter(([inner, text]) => wanted.get(inner) !== text && !this.cache.has(md5(text)))
      .map(([inner]) => inner);
  }

  /** Everything that these records need. */
  closure(records: Iterable<ReadonlyMap<Name, string>>): Set<string> {
    return new Set([...records].flatMap((one) => [...one.values()].flatMap((oid) => this.objectsOf(oid))));
  }

  /** Takes over what the disk holds, where a command may have ended in more than one way. */
  takeOver(world: World): void {
    replace(this.workspace, world.held());
    for (const data of this.workspace.values()) this.know(data);
    replace(this.pointers, world.pointers());
    this.takeStores(world);
  }

  /** The same for cache and remote alone. */
  takeStores(world: World): void {
    const cached = world.cached();
    if ([...this.cache].some((oid) => !cached.has(oid))) this.hasLost = true;
    for (const [mine, theirs] of [
      [this.cache, cached],
      [this.remote, world.stored()],
    ] as const) {
      mine.clear();
      for (const oid of theirs) mine.add(oid);
    }
  }

  /** What `status` should name. */
  changed(): Name[] {
    return [...this.pointers].flatMap(([name, oid]) => {
      const data = this.workspace.get(name);
      return data !== undefined && oidOf(data) === oid && this.isWhole(oid, this.cache) ? [] : [name];
    });
  }

  /** Whether a folder's list of files can be read in the cache. */
  hasManifest(name: Name): boolean {
    const oid = this.pointers.get(name);
    return oid !== undefined && isFolder(this.dataOf(oid)) && this.cache.has(oid);
  }
}

function replace<K, V>(mine: Map<K, V>, theirs: ReadonlyMap<K, V>): void {
  mine.clear();
  for (const [key, value] of theirs) mine.set(key, value);
}
