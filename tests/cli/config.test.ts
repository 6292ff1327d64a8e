import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
});
afterEach(() => {
  rig.close();
});

describe("config", () => {
  it("sets, reads, lists and unsets, level by level", () => {
    rig.ok("config", "core.autostage", "true");
    rig.ok("config", "--global", "core.checksum_jobs", "4");
    rig.ok("config", "--local", "core.autostage", "false");
    expect(rig.read(".dvc/config")).toBe("[core]\n    autostage = true\n");
    expect(rig.ok("config", "core.autostage")).toBe("false\n");
    expect(rig.ok("config", "--project", "core.autostage")).toBe("true\n");
    expect(rig.ok("config", "-l")).toBe("core.checksum_jobs=4\ncore.autostage=true\ncore.autostage=false\n");
    expect(rig.ok("config", "-l", "--show-origin", "--local")).toBe(".dvc/config.local\tcore.autostage=false\n");
    rig.ok("config", "--local", "-u", "core.autostage");
    expect(rig.ok("config", "core.autostage")).toBe("true\n");
  });

  it("prints nothing for an option that is not set, and fails when a level was named", () => {
    expect(rig.run(["config", "core.remote"])).toEqual({ code: 0, out: "", err: "" });
    expect(rig.run(["config", "--local", "core.remote"])).toMatchObject({
      code: 251,
      err: "ERROR: configuration error - config file error: option 'remote' doesn't exist in section 'core'\n",
    });
  });

  it("refuses what the schema does not know, and writes nothing", () => {
    const before = rig.read(".dvc/config");
    expect(rig.run(["config", "core.nope", "x"]).code).toBe(251);
    expect(rig.read(".dvc/config")).toBe(before);
  });

  it("says which options of [feature] it does not know, and takes them", () => {
    const warning = "WARNING: 'feature.x' config option is unsupported\n";
    expect(rig.run(["config", "feature.x", "3"])).toEqual({ code: 0, out: "", err: warning });
    expect(rig.run(["status", "-q"]).err).toBe("");
    expect(rig.run(["status"]).err).toBe(warning);
    expect(rig.run(["config", "feature.x"])).toEqual({ code: 0, out: "3\n", err: "" });
    rig.ok("config", "-u", "feature.x");
    expect(rig.run(["config", "feature.trash_days", "3"]).err).toBe("");
  });

  it("wants a name of two or three parts", () => {
    expect(rig.run(["config", "nope"])).toMatchObject({
      code: 254,
      err: "ERROR: argument name: name argument should look like remote.name.option or db.name.option or section.option\n",
    });
    expect(rig.run(["config"])).toMatchObject({ code: 1, err: "ERROR: name argument is required\n" });
  });

  it("prints a section within a section as a mapping, without its secrets", () => {
    rig.ok("remote", "add", "r", "s3://b/p");
    rig.ok("config", "remote.r.secret_access_key", "sesame");
    expect(rig.ok("config", "remote.r")).toBe("{'url': 's3://b/p', 'secret_access_key': '***'}\n");
  });

  it("prints JSON", () => {
    rig.ok("config", "core.autostage", "true");
    expect(JSON.parse(rig.ok("config", "-l", "--json"))).toEqual([
      { key: "core.autostage", value: "true", level: "project", file: ".dvc/config" },
    ]);
  });
});

describe("remote", () => {
  it("is no default when its name is empty", () => {
    rig.ok("config", "core.remote", "");
    expect(rig.run(["push"]).err).toContain("no remote specified in ");
  });

  it("adds, lists, renames and removes, keeping relative paths", () => {
    expect(rig.ok("remote", "add", "-d", "Store", "../store")).toBe("Setting 'store' as a default remote.\n");
    expect(rig.read(".dvc/config")).toBe("[core]\n    remote = store\n['remote \"store\"']\n    url = ../../store\n");
    expect(rig.ok("remote", "list")).toBe(`${tabbed("store", rig.path("../store"))}(default)\n`);
    rig.ok("remote", "rename", "store", "depot");
    expect(rig.read(".dvc/config")).toBe("[core]\n    remote = depot\n['remote \"depot\"']\n    url = ../../store\n");
    rig.ok("remote", "remove", "depot");
    expect(rig.ok("config", "-l")).toBe("");
  });

  it("keeps remotes in the order in which they were added, also those whose name is a number", () => {
    for (const name of ["b", "10", "2"]) rig.ok("remote", "add", name, `s3://bucket/${name}`);
    rig.ok("remote", "add", "-f", "10", "s3://bucket/ten");
    rig.ok("remote", "rename", "b", "1");
    expect(rig.read(".dvc/config")?.match(/".*"/g)).toEqual(['"10"', '"2"', '"1"']);
    expect(rig.ok("remote", "list").match(/^\d+/gm)).toEqual(["10", "2", "1"]);
    expect(rig.ok("config", "-l").match(/^remote\.\d+/gm)).toEqual(["remote.10", "remote.2", "remote.1"]);
  });

  it("refuses a name that is taken or unknown", () => {
    rig.ok("remote", "add", "a", "s3://bucket/a");
    expect(rig.run(["remote", "add", "a", "s3://bucket/b"])).toMatchObject({
      code: 251,
      err: "ERROR: configuration error - config file error: remote 'a' already exists. Use `-f|--force` to overwrite it.\n",
    });
    expect(rig.run(["remote", "modify", "b", "url", "x"]).err).toBe(
      "ERROR: configuration error - config file error: remote 'b' doesn't exist.\n",
    );
    expect(rig.run(["remote", "default"])).toEqual({ code: 1, out: "No default remote set\n", err: "" });
  });

  it("modifies and unsets options, each in its own file", () => {
    rig.ok("remote", "add", "a", "s3://bucket/a");
    rig.ok("remote", "modify", "--local", "a", "secret_access_key", "key");
    expect(rig.read(".dvc/config.local")).toBe("['remote \"a\"']\n    secret_access_key = key\n");
    rig.ok("remote", "modify", "--local", "a", "secret_access_key", "--unset");
    expect(rig.ok("config", "-l", "--local")).toBe("");
  });
});

describe("cache dir", () => {
  it("shows, sets and unsets", () => {
    expect(rig.ok("cache", "dir")).toBe(`${rig.path(".dvc/cache")}\n`);
    rig.ok("cache", "dir", "../shared");
    expect(rig.read(".dvc/config")).toBe("[cache]\n    dir = ../../shared\n");
    expect(rig.ok("cache", "dir")).toBe(`${rig.path("../shared")}\n`);
    rig.ok("cache", "dir", "-u");
    expect(rig.ok("cache", "dir")).toBe(`${rig.path(".dvc/cache")}\n`);
  });
});

/** Columns with tab stops every 8. */
function tabbed(...columns: string[]): string {
  return columns.reduce((line, column) => line + column + " ".repeat(8 - ((line.length + column.length) % 8)), "");
}
