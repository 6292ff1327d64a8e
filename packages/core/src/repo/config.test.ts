import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Config } from "./config.ts";
import { makeProject, type ProjectFixture } from "../../../../tests/support/project.ts";

let project: ProjectFixture;
beforeEach(() => {
  project = makeProject();
});
afterEach(() => {
  project.remove();
});

const load = (): Config => Config.load(project.environment(), { dvcDir: join(project.root, ".dvc") });
const putGlobal = (text: string): void => {
  mkdirSync(join(project.home, ".config", "dvc"), { recursive: true });
  writeFileSync(join(project.home, ".config", "dvc", "config"), text);
};

describe("Config", () => {
  it("merges levels and remembers where each option is set", () => {
    putGlobal(
      "[core]\n    remote = mine\n    autostage = true\n['remote \"r\"']\n    url = s3://mine\n    profile = me\n",
    );
    project.put(".dvc/config", "[core]\n    remote = r\n['remote \"r\"']\n    url = s3://theirs\n");
    project.put(".dvc/config.local", "['remote \"r\"']\n    jobs = 3\n");
    const config = load();
    expect(config.lookup("core", "remote")).toEqual({ value: "r", level: "project" });
    expect(config.flag("core", "autostage")).toBe(true);
    expect(config.integer("remote.r", "jobs")).toBe(3);
    expect([...(config.remote("r") ?? [])]).toEqual([
      ["url", { value: "s3://theirs", level: "project" }],
      ["profile", { value: "me", level: "global" }],
      ["jobs", { value: "3", level: "local" }],
    ]);
    expect(config.remoteNames()).toEqual(["r"]);
    expect(config.remote("__proto__")).toBeUndefined();
    expect(config.get("constructor", "name")).toBeUndefined();
  });

  it("takes relative paths from the file's folder and writes them back the same way", () => {
    project.put(
      ".dvc/config",
      "[cache]\n    dir = ../../cache\n['remote \"h\"']\n    url = ~/data\n['remote \"s\"']\n    url = s3://b/x\n",
    );
    const config = load();
    expect(config.get("cache", "dir")).toBe(join(project.root, "..", "cache"));
    expect(config.get("remote.h", "url")).toBe(join(project.home, "data"));
    config.edit("project", (sections) => {
      (sections.remote ??= {})["new"] = { url: "sub/dir" };
      (sections.remote["abs"] ??= {})["url"] = "/abs/dir";
    });
    expect(readFileSync(join(project.root, ".dvc", "config"), "utf8")).toBe(
      "[cache]\n    dir = ../../cache\n['remote \"h\"']\n    url = ~/data\n['remote \"s\"']\n    url = s3://b/x\n" +
        "['remote \"new\"']\n    url = ../sub/dir\n['remote \"abs\"']\n    url = /abs/dir\n",
    );
    expect(config.get("remote.new", "url")).toBe(join(project.root, "sub", "dir"));
  });

  it("refuses unknown options and leaves the file as it was", () => {
    const config = load();
    expect(() => {
      config.edit("project", (sections) => {
        sections.core = { bogus: "1" };
      });
    }).toThrow("extra keys not allowed @ data['core']['bogus']");
    expect(readFileSync(join(project.root, ".dvc", "config"), "utf8")).toBe("");
    project.put(".dvc/config", "[core]\n    bogus = 1\n");
    expect(load).toThrow("bogus");
    expect(
      Config.load(project.environment(), { dvcDir: join(project.root, ".dvc"), validate: false }).get("core", "bogus"),
    ).toBe("1");
  });

  it("takes what the caller gives for this run, and writes none of it", () => {
    project.put(".dvc/config", "['remote \"r\"']\n    url = s3://b\n");
    const config = Config.load(project.environment(), {
      dvcDir: join(project.root, ".dvc"),
      overrides: { remote: "r", remoteOptions: { profile: "x" } },
    });
    expect(config.lookup("remote.r", "profile")).toEqual({ value: "x", level: "override" });
    expect(config.get("core", "remote")).toBe("r");
    config.edit("project", () => undefined);
    expect(readFileSync(join(project.root, ".dvc", "config"), "utf8")).not.toContain("profile");
  });
});
