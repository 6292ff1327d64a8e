import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BINARY, Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => {
  rig.close();
});

describe("the command line", () => {
  it("prints its own version, and DVC's when called by that name", () => {
    expect(rig.run(["--version"]).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(rig.dvc(["-V"])).toEqual({ code: 0, out: "3.67.1\n", err: "" });
  });

  it("uses the name it is called by in its messages", () => {
    expect(rig.run(["--help"]).out).toMatch(/^usage: holdfast /);
    expect(rig.dvc(["--help"]).out).toMatch(/^usage: dvc /);
  });

  it("prints the whole help on stdout and the reason on stderr for a bad line, with code 254", () => {
    const none = rig.run([]);
    expect(none).toMatchObject({ code: 254, err: "ERROR: the following arguments are required: command\n" });
    expect(none.out).toContain("Available Commands:");
    const bad = rig.run(["remote", "add", "--nope", "a", "b"]);
    expect(bad).toMatchObject({ code: 254, err: "ERROR: unrecognized arguments: --nope\n" });
    expect(bad.out).toMatch(/^usage: holdfast remote add /);
    expect(rig.run(["remote"]).err).toBe("ERROR: the following arguments are required: cmd\n");
    expect(rig.run(["nope"]).err).toMatch(
      /^ERROR: argument command: invalid choice: 'nope' \(choose from 'add', 'artifacts', 'cache', /,
    );
  });

  /** Commands that DVC has not, so that none of its pages explains them. */
  /** Commands of our own, whole groups among them, have no page of DVC's. */
  const OWN = new Set(["demo", "evict", "fsck", "purge", "remote test", "snapshot", "trust", "undo"]);

  it("has help with examples and a link for every command", () => {
    const { out } = rig.run(["--help"]);
    const listed = [...out.slice(out.indexOf("Available Commands:")).matchAll(/^ {4}([a-z-]+)/gm)].map(
      (match) => match[1] ?? "",
    );
    expect(listed).toContain("check-ignore");
    const places = listed.flatMap((name) => {
      const group = /\{([a-z,-]+)\}\s+\.\.\./.exec(rig.run([name, "--help"]).out);
      return group === null ? [[name]] : (group[1] ?? "").split(",").map((sub) => [name, sub]);
    });
    for (const place of places) {
      const ran = rig.run([...place, "-h"]);
      expect(ran.code, place.join(" ")).toBe(0);
      expect(ran.out, place.join(" ")).toContain("EXAMPLES:\n");
      expect(ran.out, place.join(" ")).toContain(`usage: holdfast ${place.join(" ")} `);
      if (!OWN.has(place.join(" ")) && !OWN.has(place[0] ?? ""))
        expect(ran.out, place.join(" ")).toContain("Documentation: <https://man.dvc.org/");
    }
  });

  it("wants a project: 253 outside of one", () => {
    for (const words of [["status"], ["root"], ["add", "x"], ["push"], ["checkout"]]) {
      expect(rig.run(words), words.join(" ")).toEqual({
        code: 253,
        out: "",
        err: "ERROR: you are not inside of a DVC repository (checked up to mount point '/')\n",
      });
    }
  });

  it("changes folder first, and says in Python's words when it can't", () => {
    rig.project();
    rig.write("sub/deep/x", "");
    expect(rig.run(["--cd", "sub/deep", "root"]).out).toBe("../..\n");
    expect(rig.run(["--cd", "/nope", "root"])).toMatchObject({
      code: 255,
      err: "ERROR: unexpected error - [Errno 2] No such file or directory: '/nope'\n\nHaving any troubles? Hit us up at https://dvc.org/support, we are always happy to help!\n",
    });
  });

  it("is silent with -q, before or after the command, and keeps the exit code", () => {
    expect(rig.run(["-q", "root"])).toEqual({ code: 253, out: "", err: "" });
    expect(rig.run(["root", "-q"])).toEqual({ code: 253, out: "", err: "" });
  });

  it("tells what it does with -v", () => {
    rig.project();
    const { out } = rig.run(["-v", "root"]);
    expect(out).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} DEBUG: v\d+\.\d+\.\d+ /);
    expect(out).toContain("DEBUG: command: holdfast -v root\n");
    expect(out.endsWith("\n.\n")).toBe(true);
  });

  it("ends with 141 when nobody reads", () => {
    const ran = spawnSync(
      "bash",
      ["-c", `{ sleep 0.3; "${process.execPath}" "${BINARY}" --help; echo $? >&2; } | true`],
      { encoding: "utf8" },
    );
    expect(ran.stderr).toBe("141\n");
  });

  it("starts without what is slow to load", () => {
    rig.project();
    const slow = ["crypto", "http", "https", "net", "tls", "worker_threads", "child_process", "zlib"];
    const code = `const M=require("module"),o=M._load,seen=new Set();M._load=function(r){seen.add(r.replace("node:",""));return o.apply(this,arguments)};process.on("exit",()=>process.stderr.write(${JSON.stringify(slow)}.filter((x)=>seen.has(x)).join()));`;
    rig.write("../spy.cjs", code);
    for (const words of [["--version"], ["root"], ["config", "-l"]]) {
      const ran = rig.run(words, { env: { NODE_OPTIONS: `--require ${rig.path("../spy.cjs")}` } });
      expect(ran, words.join(" ")).toMatchObject({ code: 0, err: "" });
    }
  });

  it("makes completion scripts that bash accepts and that know all commands", () => {
    const script = rig.run(["completion"]).out;
    rig.write("c.bash", script);
    const probe = `. ./c.bash; COMP_WORDS=(holdfast remote re); COMP_CWORD=2; _holdfast; echo "\${COMPREPLY[@]}"; COMP_WORDS=(holdfast ch); COMP_CWORD=1; _holdfast; echo "\${COMPREPLY[@]}"; COMP_WORDS=(holdfast add --no); COMP_CWORD=2; _holdfast; echo "\${COMPREPLY[@]}"`;
    const ran = spawnSync("bash", ["-c", probe], { cwd: rig.dir, encoding: "utf8" });
    expect(ran.stdout).toBe("remove rename\ncheck-ignore checkout\n--no-commit --no-relink\n");
    for (const shell of ["zsh", "fish"]) expect(rig.run(["completion", "-s", shell]).out).toContain("check-ignore");
  });
});
