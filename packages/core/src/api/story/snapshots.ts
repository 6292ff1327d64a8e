import { join } from "node:path";
import { sameSnapshot, type Snapshot, takeSnapshot } from "./evidence.ts";
import { claim, edit, type Stage, title, type } from "./stage.ts";

/** One command instead of four: saved, verified on the remote, restored, handed over as one file. */
export async function keepSnapshots(
  stage: Stage,
  first: { readonly data: Snapshot; readonly model: Snapshot },
): Promise<void> {
  title(stage, "Version 3.1: code, data and model in one command");
  edit(stage, "params.yaml", "epochs: 40", "epochs: 20");
  await type(stage, "holdfast repro");
  await type(stage, "holdfast snapshot save -m 'half the epochs' --tag v3.1 --push");
  const { output } = await type(stage, "git status --porcelain --untracked-files=no && git ls-remote --tags origin");
  claim(
    stage,
    "saved: nothing is left to commit, and the tag is on Git's remote",
    /^\S+\trefs\/tags\/v1\.0$/m.test(output) && output.includes("refs/tags/v3.1") && !/^ ?M /m.test(output),
  );
  await type(stage, "holdfast snapshot list");
  const verified = await type(stage, "holdfast snapshot verify v3.1 --remote --deep");
  claim(stage, "verified: every byte of v3.1 is on the remote", verified.output.includes("is whole"));
  await type(stage, "holdfast snapshot diff v3.0 v3.1");
  await type(stage, "holdfast snapshot restore v1.0");
  const data = await takeSnapshot(join(stage.project, "data"));
  const model = await takeSnapshot(join(stage.project, "model.json"));
  claim(
    stage,
    "restored: v1.0's data and model, byte for byte",
    sameSnapshot(data, first.data) && sameSnapshot(model, first.model),
  );
  await type(stage, "holdfast snapshot export v1.0 ../v1.0.tar.zst");
  await type(stage, "holdfast snapshot import v1.0.tar.zst handed-over", stage.dir);
  const handed = await takeSnapshot(join(stage.dir, "handed-over", "data"));
  claim(stage, "handed over in one file: the same data, without any remote", sameSnapshot(handed, first.data));
  await type(stage, "holdfast snapshot restore main");
}
