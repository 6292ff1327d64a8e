import { readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findRun, isRunCacheable, saveRun } from "./stageCache.ts";
import type { Stage } from "./stage.ts";
import { stagesOf } from "./testProject.ts";
import { temporaryFolder } from "../../../../tests/support/temporaryFolder.ts";

const YAML = "stages:\n  s:\n    cmd: cp in out\n    deps: [in]\n    params: [lr]\n    outs: [out]\n";
const lock = (out: string): string =>
  `schema: '2.0'\nstages:\n  s:\n    cmd: cp in out\n    deps:\n    - {path: in, hash: md5, md5: b026324c6904b2a9cb4b88d6d61c81d1, size: 2}\n` +
  `    params:\n      params.yaml: {lr: 0.1}\n    outs:\n    - {path: out, hash: md5, md5: ${out}, size: 2}\n`;
const stage = (out = "b026324c6904b2a9cb4b88d6d61c81d1"): Stage =>
  stagesOf({ "dvc.yaml": YAML, "dvc.lock": lock(out) })[0] as Stage;

describe("the run cache", () => {
  it("names and writes runs as DVC does", () => {
    const runs = temporaryFolder("runs-");
    const file = saveRun(runs, stage());
    // Recorded from DVC 3.67.1 on the same stage.
    expect(file).toBe(
      join(
        runs,
        "fb/fb92847ff02e4fa0e152688c5468847950153717651d7dcec0d8e7872b128ed2/8c65425a91f4e2b1d5a74c36e7c91fa2d96f7ea2b200c0031765d4bcc431801e",
      ),
    );
    expect(readFileSync(file ?? "", "utf8")).toBe(
      "cmd: cp in out\ndeps:\n- path: in\n  hash: md5\n  md5: b026324c6904b2a9cb4b88d6d61c81d1\n  size: 2\nparams:\n  params.yaml:\n    lr: 0.1\n" +
        "outs:\n- path: out\n  hash: md5\n  md5: b026324c6904b2a9cb4b88d6d61c81d1\n  size: 2\n",
    );
    expect(saveRun(runs, stage())).toBeUndefined();
  });

  it("finds the newest run with the same input and drops damaged ones", () => {
    const runs = temporaryFolder("runs-");
    const first = saveRun(runs, stage()) ?? "";
    const second = saveRun(runs, stage("26ab0db90d72e28ad0ba1e22ee510510")) ?? "";
    utimesSync(first, 1000, 1000);
    utimesSync(second, 2000, 2000);
    const found = (): unknown => (findRun(runs, stage())?.["outs"] as { md5: string }[] | undefined)?.[0]?.md5;
    expect(found()).toBe("26ab0db90d72e28ad0ba1e22ee510510");
    writeFileSync(second, "cmd: [");
    expect(found()).toBeUndefined();
    expect(found()).toBe("b026324c6904b2a9cb4b88d6d61c81d1");
  });

  it("leaves out stages whose runs are not told by their files", () => {
    const one = stage();
    expect(isRunCacheable(one)).toBe(true);
    expect(isRunCacheable({ ...one, alwaysChanged: true })).toBe(false);
    expect(isRunCacheable({ ...one, deps: [] })).toBe(false);
    expect(isRunCacheable({ ...one, outs: one.outs.map((out) => ({ ...out, persist: true })) })).toBe(false);
    expect(isRunCacheable({ ...one, outs: one.outs.map((out) => ({ ...out, isInRepo: false })) })).toBe(false);
  });
});
