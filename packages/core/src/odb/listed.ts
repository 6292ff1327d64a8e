/** A folder of objects: two hex digits. */
const SHARD = /^[0-9a-f]{2}$/;

/**
 * Which of many objects have a name, told by the names in each of the folders that they would lie in. The answer holds the
 * very strings that were asked for: others with the same text would take as much memory again.
 */
export function listedOf(oids: Iterable<string>, namesIn: (shard: string) => readonly string[]): Set<string> {
  const found = new Set<string>();
  for (const [shard, group] of byShard(oids)) {
    const names = new Set(namesIn(shard));
    for (const oid of group) if (names.has(oid.slice(2))) found.add(oid);
  }
  return found;
}

/** Objects by the folder that they would lie in; what could lie in none is left out. */
export function byShard(oids: Iterable<string>): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const oid of oids) {
    const shard = oid.slice(0, 2);
    const group = groups.get(shard);
    if (group !== undefined) group.push(oid);
    else if (SHARD.test(shard)) groups.set(shard, [oid]);
  }
  return groups;
}
