import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeProject, type ProjectFixture } from "../../../../tests/support/project.ts";
import { openRemote, resolveRemote } from "./remote.ts";
import { checkSecrets, maskSecrets, untrustedOptions } from "./secrets.ts";

let project: ProjectFixture;
beforeEach(() => {
  project = makeProject();
});
afterEach(() => {
  project.remove();
});

const putGlobal = (text: string): void => {
  mkdirSync(join(project.home, ".config", "dvc"), { recursive: true });
  writeFileSync(join(project.home, ".config", "dvc", "config"), text);
};

describe("remotes of the config", () => {
  it("says in DVC's words that there is none", async () => {
    await expect(openRemote(project.open())).rejects.toMatchObject({
      code: "no-remote",
      message: `config file error: no remote specified in ${project.root}. Create a default remote with\n    dvc remote add -d <remote name> <remote url>`,
    });
    project.put(".dvc/config", "['remote \"r\"']\n    url = s3://b\n");
    await expect(openRemote(project.open(), undefined, { for: "push" })).rejects.toThrow(
      "Setup default remote with\n    dvc remote default <remote name>\nor use:\n    dvc push -r <remote name>",
    );
    await expect(openRemote(project.open(), "nope")).rejects.toThrow("config file error: remote 'nope' doesn't exist");
  });

  it("opens a folder, named in any case, with its jobs", async () => {
    project.put(".dvc/config", "[core]\n    remote = r\n['remote \"r\"']\n    url = ../store\n    jobs = 2\n");
    const remote = await openRemote(project.open());
    expect(remote.root).toBe(join(project.root, "store", "files", "md5"));
    expect(remote.jobs).toBe(2);
    expect((await openRemote(project.open(), "R", { legacy: true, jobs: 5 })).root).toBe(join(project.root, "store"));
  });

  it("joins references to other remotes and refuses circles", () => {
    project.put(
      ".dvc/config",
      "['remote \"base\"']\n    url = s3://bucket/dir\n    profile = p\n['remote \"top\"']\n    url = remote://base/sub\n    region = x\n['remote \"loop\"']\n    url = remote://loop/x\n",
    );
    const repo = project.open();
    const top = resolveRemote(repo, "top");
    expect(top.url).toBe("s3://bucket/dir/sub");
    expect(top.options.get("profile")?.value).toBe("p");
    expect(() => resolveRemote(repo, "loop")).toThrow("refers to itself");
  });

  it("refuses cloud versioned remotes by name of the command", async () => {
    project.put(".dvc/config", "['remote \"v\"']\n    url = s3://b\n    version_aware = true\n");
    await expect(openRemote(project.open(), "v", { for: "gc" })).rejects.toThrow(
      "'gc' is unsupported for cloud versioned remotes",
    );
  });
});

describe("secrets", () => {
  const check = (name: string): void => {
    const repo = project.open();
    checkSecrets(repo, resolveRemote(repo, name));
  };

  it("of the user go only where the user's own config says", () => {
    putGlobal("['remote \"r\"']\n    url = s3://mine\n    secret_access_key = k\n");
    check("r");
    project.put(".dvc/config", "['remote \"r\"']\n    url = s3://mine\n");
    check("r");
    project.put(".dvc/config", "['remote \"r\"']\n    url = s3://theirs\n");
    expect(() => {
      check("r");
    }).toThrow("'secret_access_key' of remote 'r' is set in the global config, but 'url' in the project's");
    project.put(".dvc/config", "['remote \"r\"']\n    endpointurl = https://theirs\n");
    expect(() => {
      check("r");
    }).toThrow("'endpointurl'");
  });

  it("may be given by the local config, unless Git tracks that file", () => {
    putGlobal("['remote \"r\"']\n    secret_access_key = k\n");
    project.put(".dvc/config.local", "['remote \"r\"']\n    url = s3://mine\n");
    check("r");
    project.git("add", "-f", ".dvc/config.local");
    expect(() => {
      check("r");
    }).toThrow("'url'");
  });

  it("are what the project's own config may not name files for", () => {
    project.put(".dvc/config", "['remote \"r\"']\n    url = s3://b\n    configpath = aws\n");
    project.put(".dvc/config.local", "['remote \"r\"']\n    profile = me\n");
    const repo = project.open();
    expect([...untrustedOptions(repo, resolveRemote(repo, "r"))]).toEqual(["url", "configpath"]);
  });

  it("are masked", () => {
    expect(maskSecrets("remote.r.password", "x")).toBe("***");
    expect(maskSecrets("url", "ssh://me:word@host/path")).toBe("ssh://me:***@host/path");
    expect(maskSecrets("url", "s3://bucket/a:b@c")).toBe("s3://bucket/a:b@c");
  });
});
