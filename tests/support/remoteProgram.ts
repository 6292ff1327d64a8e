import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Rig } from "./rig.ts";

/** A place for a remote, and what opens it. */
export interface RemotePlace {
  readonly url: string;
  /** Options of the remote. */
  readonly options: Readonly<Record<string, string>>;
  /** What the program needs of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** What must never be printed. */
  readonly secret?: string;
  readonly stop: () => Promise<void>;
}

/** Runs the built program against a remote as a user does. */
export function describeRemoteProgram(name: string, start: () => Promise<RemotePlace>): void {
  describe(`the program with a remote on ${name}`, () => {
    let place: RemotePlace;
    let rig: Rig;
    let printed = "";
    const run = (...words: string[]): { code: number; text: string } => {
      const { code, out, err } = rig.run(words, { env: place.env ?? {} });
      printed += out + err;
      return { code, text: out + err };
    };
    const ok = (...words: string[]): string => {
      const { code, text } = run(...words);
      if (code !== 0) throw new Error(`${words.join(" ")} exited with ${String(code)}: ${text}`);
      return text;
    };

    beforeAll(async () => {
      place = await start();
      rig = new Rig().project();
      rig.ok("remote", "add", "-d", "far", place.url);
      for (const [option, value] of Object.entries(place.options))
        rig.ok("remote", "modify", "--local", "far", option, value);
    });
    afterAll(async () => {
      rig.close();
      await place.stop();
    });

    it("takes a push, gives a pull, shows its state, and loses what nobody needs", () => {
      for (const one of ["one", "two"]) rig.write(`data/${one}`, one);
      rig.write("large", Buffer.alloc(9 << 20, "0123456789"));
      rig.ok("add", "-q", "data", "large");
      expect(ok("status", "-c")).toMatch(/new: +data\/two\n/);
      expect(ok("push")).toContain("4 files pushed");
      expect(ok("push")).toContain("Everything is up to date");
      expect(ok("status", "-c")).toContain("in sync");
      for (const gone of ["data", "large", ".dvc/cache"]) rmSync(rig.path(gone), { recursive: true });
      ok("pull");
      expect(rig.read("data/two")).toBe("two");
      expect(rig.read("large")?.length).toBe(9 << 20);
      rig.write("data/two", "changed");
      rig.ok("add", "-q", "data");
      ok("push");
      ok("gc", "-w", "-c", "-f");
      rmSync(rig.path(".dvc/cache"), { recursive: true });
      expect(ok("status", "-c")).not.toContain("missing");
      ok("pull");
      expect(rig.read("data/two")).toBe("changed");
    });

    it("is tested, and prints no secret", () => {
      expect(ok("remote", "test", "far", "--size", "1")).toContain("pull: yes   push: yes   gc -c: yes");
      if (place.secret !== undefined) expect(printed).not.toContain(place.secret);
    });
  });
}
