import { describe, expect, it } from "vitest";
import { StorageError } from "../base/errors.ts";
import type { FsCaps, Info, Source } from "./filesystem.ts";
import { MemoryFileSystem } from "./memory.ts";
import { probeStorage } from "./probe.ts";

const refuse = (what: string): StorageError => new StorageError(what, { protocol: "memory", path: "x", code: "auth" });

const outcomes = async (fs: MemoryFileSystem, readOnly = false): Promise<Record<string, string>> => {
  const { steps } = await probeStorage(fs, "root", { size: 0, readOnly });
  return Object.fromEntries(steps.map(({ name, outcome }) => [name, outcome]));
};

const ALL = ["credentials", "list", "write", "stat", "read", "range", "find", "remove"];

describe("probing a storage", () => {
  it("passes everything where everything works, measures, and leaves nothing", async () => {
    const fs = new MemoryFileSystem();
    const report = await probeStorage(fs, "root", { size: 100_000 });
    expect(report.steps.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(ALL.map((name) => `${name} passed`));
    expect(report.speed?.large.bytes).toBe(100_000);
    expect(report.speed?.small.writesPerSecond).toBeGreaterThan(0);
    expect(report.left).toEqual([]);
    expect(fs.files.size).toBe(0);
  });

  it("writes nothing when only reading is asked for", async () => {
    class Watched extends MemoryFileSystem {
      override write(): Promise<void> {
        throw new Error("written");
      }
    }
    expect(await outcomes(new Watched(), true)).toMatchObject({ list: "passed", write: "skipped", read: "skipped" });
  });

  it("goes on after a refusal, and says nothing is left when the write was refused", async () => {
    class ReadOnly extends MemoryFileSystem {
      override write(): Promise<void> {
        return Promise.reject(refuse("denied"));
      }
    }
    const report = await probeStorage(new ReadOnly(), "root", { size: 1000 });
    expect(report.steps[2]).toMatchObject({
      name: "write",
      outcome: "failed",
      problem: { code: "auth", message: "denied" },
    });
    expect(report.steps.slice(3).every(({ outcome }) => outcome === "skipped")).toBe(true);
    expect(report.left).toEqual([]);
    expect(report.speed).toBeUndefined();
  });

  it("names what it could not remove", async () => {
    class Keeps extends MemoryFileSystem {
      override remove(): Promise<void> {
        return Promise.reject(refuse("may not remove"));
      }
    }
    const fs = new Keeps();
    // Nothing is measured: that would leave many more.
    const { left, steps, speed } = await probeStorage(fs, "root", { size: 1000 });
    expect(speed).toBeUndefined();
    expect(steps.at(-1)).toMatchObject({ name: "remove", outcome: "failed" });
    expect(left).toEqual([...fs.files.keys()].map((path) => fs.url(path)));
    expect(left).toHaveLength(1);
  });

  it("takes it as it is that a storage can remove nothing", async () => {
    class Web extends MemoryFileSystem {
      override remove(): Promise<void> {
        return Promise.reject(new StorageError("can't", { protocol: "memory", path: "x", code: "unsupported" }));
      }
    }
    const { left, steps } = await probeStorage(new Web(), "root", { size: 1000 });
    expect(steps.at(-1)).toMatchObject({ name: "remove", outcome: "skipped", note: "can't" });
    expect(steps.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    expect(left).toHaveLength(1);
  });

  it("asks for a file where there is no listing, so that who may not come in is told also when only reading", async () => {
    class Shut extends MemoryFileSystem {
      override readonly caps: FsCaps = { ...new MemoryFileSystem().caps, listPage: 0 };
      override stat(): Promise<Info | undefined> {
        return Promise.reject(refuse("not let in"));
      }
    }
    const { steps } = await probeStorage(new Shut(), "root", { size: 0, readOnly: true });
    expect(steps[1]).toMatchObject({ name: "list", outcome: "failed", problem: { message: "not let in" } });
  });

  it("notices wrong bytes, a wrong size, and a listing that lags", async () => {
    class Spoils extends MemoryFileSystem {
      override async write(path: string, source: Source): Promise<void> {
        await super.write(path, source);
        this.files.get(path)?.fill(0, 5, 6);
      }
      override async stat(path: string): Promise<Info | undefined> {
        const info = await super.stat(path);
        return info && { ...info, size: info.size + 1 };
      }
      override async *list(): AsyncIterable<Info> {}
    }
    expect(await outcomes(new Spoils())).toMatchObject({
      write: "passed",
      stat: "failed",
      read: "failed",
      find: "failed",
    });
  });

  it("stops at once where nothing can pass", async () => {
    class NoBucket extends MemoryFileSystem {
      override async *children(): AsyncIterable<Info> {
        await Promise.resolve();
        throw new StorageError("no bucket", { protocol: "memory", path: "x", code: "config" });
      }
    }
    const found = await outcomes(new NoBucket());
    expect(found["list"]).toBe("failed");
    expect(ALL.slice(2).map((name) => found[name])).toEqual(ALL.slice(2).map(() => "skipped"));
  });
});
