/** Objects that must stay, by the remote that their output names. */
export class UsedObjects {
  readonly all: Set<string> = new Set();
  readonly byRemote: Map<string | undefined, Set<string>> = new Map();

  /** Notes objects as needed; `remote` undefined: of the default one. */
  add(remote: string | undefined, oids: Iterable<string>): void {
    let own = this.byRemote.get(remote);
    if (own === undefined) this.byRemote.set(remote, (own = new Set()));
    for (const oid of oids) {
      own.add(oid);
      this.all.add(oid);
    }
  }

  /** Whether the object is noted already for this remote; of a manifest, then its files are, too. */
  has(remote: string | undefined, oid: string): boolean {
    return this.byRemote.get(remote)?.has(oid) === true;
  }
}
