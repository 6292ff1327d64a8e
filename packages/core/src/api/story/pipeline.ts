import { existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { OsPath } from "../../base/paths.ts";
import { takeSnapshot, sameSnapshot } from "./evidence.ts";
import { claim, edit, say, type Stage, title, type } from "./stage.ts";
import { makeFolders } from "../../fs/makeFolders.ts";

/** What the first two versions of the project do without. */
const PIPELINE_FILES = ["dvc.yaml", "params.yaml"];
const RAN = /Running stage '(\w+)'/g;

const aside = (dir: OsPath): OsPath => join(dir, "later");

/** Puts the pipeline's files aside: the story starts with scripts run by hand. */
export function holdBackPipeline(project: OsPath, dir: OsPath): void {
  makeFolders(aside(dir));
  for (const name of PIPELINE_FILES) renameSync(join(project, name), join(aside(dir), name));
}

/** The same steps as a pipeline: run, skipped, changed by a parameter, compared, drawn. `push` sends data and code on. */
export async function addPipeline(stage: Stage, push: () => Promise<void>): Promise<void> {
  title(stage, "Version 3.0: the same steps as a pipeline");
  say(stage, `(${PIPELINE_FILES.join(" and ")} of the exemplar join the project)`);
  for (const name of PIPELINE_FILES) renameSync(join(aside(stage.dir), name), join(stage.project, name));
  await type(stage, "holdfast stage list");
  await type(stage, "holdfast dag");
  await firstRun(stage);
  await type(
    stage,
    "git add . && git commit -q -m 'pipeline: prepare, train, evaluate' && git tag -a v3.0 -m 'the pipeline'",
  );
  await push();
  await changeParameter(stage);
}

async function firstRun(stage: Stage): Promise<void> {
  const first = await type(stage, "holdfast repro");
  claim(stage, "the first repro runs all three stages", ran(first.output) === "prepare train evaluate");
  const lock = readFileSync(join(stage.project, "dvc.lock"), "utf8");
  claim(
    stage,
    "dvc.lock records what was run on what",
    ["prepare:", "train:", "evaluate:"].every((name) => lock.includes(name)),
  );
  const second = await type(stage, "holdfast repro");
  claim(
    stage,
    "a second repro runs nothing",
    ran(second.output) === "" && readFileSync(join(stage.project, "dvc.lock"), "utf8") === lock,
  );
  claim(stage, "the pipeline's model gets over 90 % of the held-out images right", accuracyOf(stage) > 0.9);
  await type(stage, "holdfast metrics show");
}

async function changeParameter(stage: Stage): Promise<void> {
  title(stage, "One parameter, two models: compare them");
  const results = join(stage.project, "results");
  const before = await takeSnapshot(results);
  const accuracy = accuracyOf(stage);
  edit(stage, "params.yaml", "epochs: 40", "epochs: 3");
  const why = await type(stage, "holdfast repro --explain");
  claim(stage, "repro --explain names the parameter and its two values", /train\.epochs.*40.*3/.test(why.output));
  const changed = await type(stage, "holdfast repro");
  claim(stage, "only what hangs on the parameter runs", ran(changed.output) === "train evaluate");
  await type(stage, "holdfast params diff");
  const { output } = await type(stage, "holdfast metrics diff --json");
  const diff = JSON.parse(output) as Record<string, Record<string, { old: number; new: number }>>;
  const found = diff["results/metrics.json"]?.["accuracy"];
  claim(
    stage,
    "metrics diff holds the accuracies of both runs",
    found?.old === accuracy && found.new === accuracyOf(stage),
  );
  await type(stage, "holdfast metrics diff");
  await drawPlots(stage);
  await type(stage, "git checkout -q params.yaml dvc.lock results && holdfast checkout");
  claim(stage, "put back: the results of v3.0, byte for byte", sameSnapshot(await takeSnapshot(results), before));
  edit(stage, "params.yaml", "epochs: 40", "epochs: 3");
  const again = await type(stage, "holdfast repro");
  claim(
    stage,
    "the model of 3 epochs comes back from the run cache: nothing is trained twice",
    ran(again.output) === "evaluate",
  );
  await type(stage, "git checkout -q params.yaml dvc.lock results && holdfast checkout -q");
}

async function drawPlots(stage: Stage): Promise<void> {
  await type(stage, "holdfast plots diff HEAD workspace");
  const page = join(stage.project, "dvc_plots", "index.html");
  const text = existsSync(page) ? readFileSync(page, "utf8") : "";
  claim(
    stage,
    "the page shows the learning curve and the confusion matrix of both",
    ["Learning curve", "Which digit was taken for which", "workspace"].every((word) => text.includes(word)),
  );
  claim(stage, "the page loads nothing from anywhere", !/<(script|link|img)[^>]*(src|href)=["']?https?:/i.test(text));
}

const ran = (output: string): string => Array.from(output.matchAll(RAN), ([, name]) => name).join(" ");

function accuracyOf(stage: Stage): number {
  const text = readFileSync(join(stage.project, "results", "metrics.json"), "utf8");
  return (JSON.parse(text) as { accuracy: number }).accuracy;
}
