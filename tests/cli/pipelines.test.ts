import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BINARY, Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
});
afterEach(() => {
  rig.close();
});

/** The hint for files in any order. */
const hint = (files: string): string =>
  `\nTo track the changes with git, run:\n\n\tgit add ${files}\n\nTo enable auto staging, run:\n\n\tdvc config core.autostage true\n`;

describe("stage add and stage list", () => {
  it("know the storages that a URL may name", () => {
    for (const flag of ["-d", "-o", "-O", "-m"]) {
      const ran = rig.run(["stage", "add", "-n", "a", flag, "foo://x", "echo"]);
      expect(ran.code).toBe(251);
      expect(ran.err).toMatch(/^ERROR: configuration error - config file error: Unsupported URL type foo:\/\/\n/);
      expect(rig.read("dvc.yaml")).toBeUndefined();
    }
    rig.ok("stage", "add", "-n", "a", "-d", "s3://bucket/x", "-d", "https://example.org/y", "echo");
  });

  it("take the rest of the line as the command, options and all", () => {
    expect(rig.dvc(["stage", "add", "-n", "a", "-d", "in", "-o", "out", "cp", "in", "a b", "", "-d", "x"])).toEqual({
      code: 0,
      out: `Added stage 'a' in 'dvc.yaml'\n${hint("dvc.yaml .gitignore")}`,
      err: "",
    });
    rig.dvc(["stage", "add", "-n", "b", "-p", "lr,x:y", "-p", "p.json:a", "echo 'one word' | cat"]);
    rig.dvc(["stage", "add", "-n", "c", "--", "echo", "-n"]);
    expect(rig.read("dvc.yaml")).toBe(`stages:
  a:
    cmd: cp in "a b" "" -d x
    deps:
    - in
    outs:
    - out
  b:
    cmd: echo 'one word' | cat
    params:
    - lr,x:
      - y
    - p.json:
      - a
  c:
    cmd: -- echo -n
`);
    expect(rig.run(["stage", "list"]).out).toBe(
      "a  Outputs out\nb  Depends on lr,x, p.json\nc  No outputs or dependencies\n",
    );
    expect(rig.run(["stage", "list", "--names-only", "a", "b", "a"]).out).toBe("a\nb\n");
    expect(rig.run(["stage", "list", "--json", "c"]).out).toBe(
      '[{"name": "c", "description": "No outputs or dependencies"}]\n',
    );
  });

  it("fail with 254 on the command line and 255 on what it asks for", () => {
    expect(rig.run(["stage", "add", "true"])).toMatchObject({
      code: 254,
      err: "ERROR: the following arguments are required: -n/--name\n",
    });
    expect(rig.run(["stage", "add", "-n", "x"])).toEqual({
      code: 255,
      out: "",
      err: "ERROR: command is not specified\n",
    });
    expect(rig.run(["stage", "list"]).err).toBe(`ERROR: '${rig.path("dvc.yaml")}' does not exist\n`);
  });
});

describe("repro", () => {
  it("prints between the lines of its commands, and what to do next", () => {
    rig.write("in", "1\n");
    rig.dvc(["stage", "add", "-q", "-n", "a", "-d", "in", "-o", "out", "echo said; cp in out"]);
    expect(rig.dvc(["repro"])).toEqual({
      code: 0,
      out:
        "Running stage 'a':\n> echo said; cp in out\nsaid\nGenerating lock file 'dvc.lock'\nUpdating lock file 'dvc.lock'\n" +
        `${hint("dvc.lock")}Use \`dvc push\` to send your updates to remote storage.\n`,
      err: "",
    });
    expect(rig.dvc(["repro"]).out).toBe("Stage 'a' didn't change, skipping\nData and pipelines are up to date.\n");
  });

  it("exits with 255 after a failure, also with -k, and with 0 when errors are ignored", () => {
    rig.write("dvc.yaml", "stages:\n  bad: {cmd: exit 4, outs: [x]}\n  next: {cmd: cat x, deps: [x]}\n");
    expect(rig.run(["repro"])).toMatchObject({
      code: 255,
      err: "ERROR: failed to reproduce 'bad': failed to run: exit 4, exited with 4\n",
    });
    expect(rig.run(["repro", "-k"])).toMatchObject({
      code: 255,
      err: "WARNING: failed to run: exit 4, exited with 4\nWARNING: Stage 'next' will be skipped due to this failure\nERROR: failed to reproduce 'bad'\n",
    });
    expect(rig.run(["repro", "--ignore-errors", "bad"])).toEqual({
      code: 0,
      out: "Running stage 'bad':\n> exit 4\nData and pipelines are up to date.\n",
      err: "WARNING: failed to run: exit 4, exited with 4 (ignored)\n",
    });
  });

  it("lets a command use the program on the same project", () => {
    rig.write("data", "1\n");
    rig.write("dvc.yaml", 'stages:\n  s: {cmd: \'"$NODE" "$TOOL" add data && cp data.dvc o\', outs: [o]}\n');
    const env = { NODE: process.execPath, TOOL: BINARY };
    expect(rig.run(["repro"], { env }).code).toBe(0);
    expect(rig.read("o")).toContain("path: data");
  });

  it("prints problems of templates with ERROR, of files without", () => {
    rig.write("dvc.yaml", "stages:\n  s: {cmd: 'echo ${x}'}\n");
    expect(rig.run(["repro"])).toMatchObject({
      code: 255,
      err: "ERROR: failed to parse 'stages.s.cmd' in 'dvc.yaml': Could not find 'x'\n",
    });
    rig.write("dvc.yaml", "stages: [\n");
    expect(rig.run(["repro"]).err).toMatch(/^'\.\/dvc\.yaml' is invalid\./);
  });
});
