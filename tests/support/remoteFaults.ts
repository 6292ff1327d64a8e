import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openStorage, type OpenOptions } from "../../packages/core/src/fs/open.ts";
import { ObjectDb } from "../../packages/core/src/odb/objectDb.ts";
import { RemoteDb } from "../../packages/core/src/odb/remoteDb.ts";
import { fetch, type TransferResult, upload } from "../../packages/core/src/odb/transfer.ts";
import { type Fault, type FaultyProxy, startFaultyProxy, startStranger } from "./faultyHttp.ts";
import { type Direction, type FaultyLine, startFaultyLine } from "./faultyLine.ts";
import { objectsIn } from "./killing.ts";

/** A server that is reached through lines and proxies that fail. */
export interface FaultSubject {
  /** On loopback. */
  readonly port: number;
  /** How a remote in a folder of its own is reached at a port. */
  readonly at: (
    port: number,
    folder: string,
  ) => { readonly url: string } & Pick<OpenOptions, "values" | "home"> & Partial<Pick<OpenOptions, "env">>;
  /** Options with which a silent server is given up soon; undefined where no option says so. */
  readonly impatient?: Readonly<Record<string, string>>;
  /** Whether it speaks HTTP, whose answers can be spoilt. */
  readonly isHttp: boolean;
  /** What object a request is about, where its path does not name it by its hash. */
  readonly objectOf?: (path: string) => string | undefined;
  /** Asks again for minutes before it gives up: what fails for good is not tried then. */
  readonly isPatient?: true;
  readonly stop: () => Promise<void>;
}

const SMALL = 10;
const MIDDLE = 4;
const MIDDLE_BYTES = 300_000;
/** So large that every storage sends and fetches it in its own way for large files. */
const LARGE_BYTES = 34 << 20;
/** What requests cost beside the bytes of the objects; a large one is begun as a whole before it comes in ranges. */
const SPARE = 6 << 20;
const OBJECT = /[0-9a-f]{2}(?:\/|%2F)[0-9a-f]{30}/;

/** What must hold for every storage when the way to it, or the server, fails. */
export function describeRemoteFaults(name: string, start: () => Promise<FaultSubject>): void {
  describe(`faults on the way to ${name}`, () => {
    let subject: FaultSubject;
    let source: string;
    let cache: ObjectDb;
    let folder: string;
    let stores = 0;
    /** Folder of the remote: a new one for each push, the same for all that is fetched. */
    let store: string;
    let isReady = false;
    let line: FaultyLine;
    let proxy: FaultyProxy | undefined;
    let bytesOf: Map<string, number>;
    const opened: RemoteDb[] = [];

    beforeAll(async () => {
      subject = await start();
      source = mkdtempSync(join(tmpdir(), "hf-faults-"));
      cache = new ObjectDb(join(source, "cache"), { layout: "3.x" });
      bytesOf = fill(cache);
    });
    afterAll(async () => {
      rmSync(source, { recursive: true, force: true });
      await subject.stop();
    });
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "hf-faults-"));
      store = `store-${String(++stores)}`;
      line = await startFaultyLine(subject.port);
    });
    afterEach(async () => {
      for (const one of opened.splice(0)) await one.fs.close();
      line.stop();
      await proxy?.stop();
      proxy = undefined;
      rmSync(folder, { recursive: true, force: true });
    });

    const remoteAt = async (port: number, more: Readonly<Record<string, string>> = {}): Promise<RemoteDb> => {
      const { url, values, home, env = {} } = subject.at(port, store);
      const { fs, root } = await openStorage(url, { values: { ...values, ...more }, home, env });
      const remote = new RemoteDb(fs, root, { name: "r", layout: "3.x" });
      opened.push(remote);
      return remote;
    };
    const all = (): { files: ReadonlySet<string>; dirs: ReadonlySet<string> } => ({
      files: new Set(bytesOf.keys()),
      dirs: new Set(),
    });
    const sum = (oids: Iterable<string>): number =>
      [...oids].reduce((total, oid) => total + (bytesOf.get(oid) ?? 0), 0);

    /** What the server has, asked directly; every object must be what its name says. */
    const stored = async (): Promise<Set<string>> => {
      const direct = await remoteAt(subject.port);
      const there = await direct.exists([...bytesOf.keys()]);
      for (const oid of there) {
        const { md5 } = await direct.fs.download(direct.pathOf(oid), join(folder, `check-${oid}`));
        rmSync(join(folder, `check-${oid}`));
        expect(md5, "an object under another's name").toBe(oid);
      }
      return there;
    };
    const emptyCache = (): ObjectDb => new ObjectDb(join(folder, "other"), { layout: "3.x" });
    const fetched = (): Set<string> => objectsIn(join(folder, "other"));
    const whole = (result: TransferResult): void => {
      expect(result.failed.map(({ error }) => error)).toEqual([]);
      expect(result.missing).toEqual([]);
    };
    const pushDirectly = async (): Promise<void> => {
      store = "ready";
      if (isReady) return;
      isReady = true;
      whole(await upload(cache, await remoteAt(subject.port), all()));
    };

    const cuts = [1, 3000, 400_000, 20_000_000];
    it.each(cuts)("a push whose connection is cut after %i bytes is sent whole", async (bytes) => {
      line.cutAfter("up", bytes);
      whole(await upload(cache, await remoteAt(line.port), all()));
      expect(line.faults).toBe(1);
      expect((await stored()).size).toBe(bytesOf.size);
    });

    it.each([500, 3000])("a push whose answers are cut after %i bytes is sent whole", async (bytes) => {
      line.cutAfter("down", bytes);
      whole(await upload(cache, await remoteAt(line.port), all()));
      expect(line.faults).toBe(1);
      expect((await stored()).size).toBe(bytesOf.size);
    });

    it.each(cuts)("a fetch whose connection is cut after %i bytes comes whole", async (bytes) => {
      await pushDirectly();
      line.cutAfter("down", bytes);
      whole(await fetch(emptyCache(), await remoteAt(line.port), all()));
      expect(line.faults).toBe(1);
      expect(fetched().size).toBe(bytesOf.size);
    });

    /** A line that dies for good, then comes back: what had arrived is not sent again. */
    const dies = async (
      direction: Direction,
      transfer: (remote: RemoteDb) => Promise<TransferResult>,
      arrived: () => Promise<Set<string>>,
    ): Promise<void> => {
      line.dieAfter(direction, 900_000);
      // Where nothing answers any more the transfer ends at once, else it tells what failed.
      const end = await transfer(await remoteAt(line.port)).catch((error: unknown) => error as Error);
      const errors = end instanceof Error ? [end] : end.failed.map(({ error }) => error);
      expect(errors.length).toBeGreaterThan(0);
      for (const error of errors) expect(error).toMatchObject({ name: "StorageError" });
      const there = await arrived();
      expect(there.size).toBeLessThan(bytesOf.size);
      line.heal();
      const before = line.passed[direction];
      whole(await transfer(await remoteAt(line.port)));
      const rest = [...bytesOf.keys()].filter((oid) => !there.has(oid));
      expect(line.passed[direction] - before).toBeLessThan(sum(rest) + SPARE);
      expect((await arrived()).size).toBe(bytesOf.size);
    };

    it("a push on a line that dies fails with reasons, keeps what arrived, and the next sends the rest", async ({
      skip,
    }) => {
      if (subject.isPatient) return skip("it asks for minutes");
      await dies("up", (remote) => upload(cache, remote, all()), stored);
    });

    it("a fetch on a line that dies fails with reasons, keeps what came, and the next brings the rest", async ({
      skip,
    }) => {
      if (subject.isPatient) return skip("it asks for minutes");
      await pushDirectly();
      const into = emptyCache();
      await dies(
        "down",
        (remote) => fetch(into, remote, all()),
        () => Promise.resolve(fetched()),
      );
    });

    it("a server that falls silent is given up and asked again", async ({ skip }) => {
      if (subject.impatient === undefined) return skip("no option shortens the wait");
      line.silentAfter("up", 400_000);
      whole(await upload(cache, await remoteAt(line.port, subject.impatient), all()));
      expect((await stored()).size).toBe(bytesOf.size);
      line.silentAfter("down", 400_000);
      whole(await fetch(emptyCache(), await remoteAt(line.port, subject.impatient), all()));
      expect(fetched().size).toBe(bytesOf.size);
      expect(line.faults).toBe(2);
    });

    /** Spoils the first request for each object that `method` names. */
    const spoiling = async (
      fault: Fault,
      methods: readonly string[],
      more: Readonly<Record<string, string>> = {},
    ): Promise<RemoteDb> => {
      const spoilt = new Set<string>();
      proxy = await startFaultyProxy(`http://127.0.0.1:${String(subject.port)}`, ({ method, path }) => {
        const about = (subject.objectOf ?? objectIn)(path);
        if (about === undefined || !methods.includes(method) || spoilt.has(about)) return "pass";
        spoilt.add(about);
        return fault;
      });
      return remoteAt(portOf(proxy), more);
    };
    const changes = ["PUT", "POST"];

    it.for<Fault>(["busy", "tooMany", "reset", "lost"])(
      "a push with each request's first answer '%s' is sent whole",
      async (fault, { skip }) => {
        if (!subject.isHttp) return skip("no HTTP");
        whole(await upload(cache, await spoiling(fault, changes), all()));
        expect((await stored()).size).toBe(bytesOf.size);
      },
    );

    it.for<Fault>(["busy", "tooMany", "reset", "cut"])(
      "a fetch with each request's first answer '%s' comes whole",
      async (fault, { skip }) => {
        if (!subject.isHttp) return skip("no HTTP");
        await pushDirectly();
        whole(await fetch(emptyCache(), await spoiling(fault, ["GET"]), all()));
        expect(fetched().size).toBe(bytesOf.size);
      },
    );

    it("a fetch whose answers drip comes whole: it is silence that is given up, not slowness", async ({ skip }) => {
      if (!subject.isHttp || subject.impatient === undefined) return skip("no option shortens the wait");
      await pushDirectly();
      whole(await fetch(emptyCache(), await spoiling("drip", ["GET"], subject.impatient), all()));
      expect(fetched().size).toBe(bytesOf.size);
    });

    it("an object that is sent for elsewhere fails alone, with nothing wrong from there, and nobody hears who asks", async ({
      skip,
    }) => {
      if (!subject.isHttp) return skip("no HTTP");
      await pushDirectly();
      const stranger = await startStranger();
      let chosen: string | undefined;
      let isSent = true;
      proxy = await startFaultyProxy(`http://127.0.0.1:${String(subject.port)}`, ({ method, path }) => {
        const about = method === "GET" ? (subject.objectOf ?? objectIn)(path) : undefined;
        chosen ??= about;
        return isSent && about !== undefined && about === chosen ? { redirect: stranger.url } : "pass";
      });
      const into = emptyCache();
      const remote = await remoteAt(portOf(proxy));
      const first = await fetch(into, remote, all());
      expect(first.failed.length).toBe(1);
      expect(fetched().size).toBe(bytesOf.size - 1);
      for (const headers of stranger.heard) expect(headers).not.toHaveProperty("authorization");
      isSent = false;
      whole(await fetch(into, remote, all()));
      expect(fetched().size).toBe(bytesOf.size);
      stranger.stop();
    });

    it("an object that the server never takes fails alone, and alone is sent by the next push", async ({ skip }) => {
      if (!subject.isHttp || subject.isPatient) return skip("no HTTP, or it asks for minutes");
      const [large = ""] = [...bytesOf].find(([, size]) => size === LARGE_BYTES) ?? [];
      const isLarge = (path: string): boolean => path.includes(large.slice(2));
      let isRefused = true;
      proxy = await startFaultyProxy(`http://127.0.0.1:${String(subject.port)}`, ({ method, path }) =>
        isRefused && changes.includes(method) && isLarge(path) ? "busy" : "pass",
      );
      const remote = await remoteAt(portOf(proxy));
      const first = await upload(cache, remote, all());
      expect(first.failed.map(({ oid }) => oid)).toEqual([large]);
      expect(first.failed[0]?.error.message).toContain(large.slice(2));
      expect((await stored()).size).toBe(bytesOf.size - 1);
      isRefused = false;
      const before = proxy.seen.length;
      whole(await upload(cache, remote, all()));
      const sent = proxy.seen.slice(before).filter((asked) => /^(PUT|POST) /.test(asked));
      // Later pieces of an upload that the service named itself do not name the object.
      expect(sent.filter((asked) => !isLarge(asked) && !asked.includes("upload_id="))).toEqual([]);
      expect((await stored()).size).toBe(bytesOf.size);
    });

    it.for<Fault>(["wrong", "short"])(
      "a fetch of %s bytes takes none of them, and the next brings all",
      async (fault, { skip }) => {
        if (!subject.isHttp) return skip("no HTTP");
        await pushDirectly();
        const into = emptyCache();
        const remote = await spoiling(fault, ["GET"]);
        const first = await fetch(into, remote, all());
        const there = fetched();
        for (const { oid, error } of first.failed) {
          expect(there.has(oid)).toBe(false);
          expect(error.name).toMatch(/CorruptObjectError|StorageError/);
        }
        expect(there.size + first.failed.length).toBe(bytesOf.size);
        whole(await fetch(into, remote, all()));
        expect(fetched().size).toBe(bytesOf.size);
      },
    );
  });
}

/** Later pieces of an upload that the service named itself do not name the object. */
function objectIn(path: string): string | undefined {
  return OBJECT.exec(path)?.[0] ?? (path.includes("upload") ? path : undefined);
}

function portOf({ endpoint }: FaultyProxy): number {
  return Number(new URL(endpoint).port);
}

/** Small, middle and large objects. @returns their sizes by name. */
function fill(cache: ObjectDb): Map<string, number> {
  const sizes = [
    ...Array.from({ length: SMALL }, () => 2000),
    ...Array.from({ length: MIDDLE }, () => MIDDLE_BYTES),
    LARGE_BYTES,
  ];
  return new Map(
    sizes.map((size, i) => {
      const bytes = Buffer.alloc(size, `object ${String(i)} of ${String(size)} bytes `);
      const md5 = createHash("md5").update(bytes).digest("hex");
      cache.addBytes(md5, bytes);
      return [md5, size];
    }),
  );
}
