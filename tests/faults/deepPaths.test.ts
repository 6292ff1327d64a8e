import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
});
afterEach(() => {
  rig.close();
});

it("folders a hundred deep, and paths as long as the system takes them, go to the remote and come back", () => {
  rig.ok("remote", "add", "-q", "-d", "store", rig.path("../remote"));
  const deep = join("data", ...Array.from({ length: 100 }, (_, nth) => `d${String(nth)}`), "leaf");
  // PATH_MAX is 4096 bytes with the end; temporary names beside the file must still fit.
  const room = 4000 - Buffer.byteLength(rig.dir);
  const long = join("data", ...Array.from({ length: Math.floor(room / 201) - 1 }, () => "l".repeat(200)), "leaf");
  for (const name of [deep, long]) {
    mkdirSync(dirname(rig.path(name)), { recursive: true });
    rig.write(name, `content of ${String(name.length)}`);
  }
  rig.ok("add", "data");
  rig.ok("push");
  for (const gone of ["data", ".dvc/cache"]) rmSync(rig.path(gone), { recursive: true });
  rig.ok("pull");
  rmSync(rig.path("data"), { recursive: true });
  rig.ok("checkout");
  for (const name of [deep, long])
    expect(readFileSync(rig.path(name), "utf8")).toBe(`content of ${String(name.length)}`);
});
