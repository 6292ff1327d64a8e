import { cpSync, existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { UsageError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import {
  describeBytes,
  describeSnapshot,
  findDamaged,
  listObjects,
  manifestMatches,
  pointerHash,
  sameSnapshot,
  takeSnapshot,
  type Snapshot,
} from "./story/evidence.ts";
import { addPipeline, holdBackPipeline } from "./story/pipeline.ts";
import { openShell } from "./story/shell.ts";
import { keepSnapshots } from "./story/snapshots.ts";
import { claim, type DemoOptions, edit, say, type Stage, title, type } from "./story/stage.ts";
import { makeFolders } from "../fs/makeFolders.ts";

export type { DemoOptions };

/** What was proved. */
export interface DemoResult {
  /** The folder to look at. */
  readonly dir: OsPath;
  readonly commands: readonly { readonly command: string; readonly seconds: number }[];
  readonly claims: readonly { readonly claim: string; readonly holds: boolean }[];
  /** Whether every claim holds. */
  readonly ok: boolean;
  readonly seconds: number;
}

/** A folder with this file in it was made by us and may be made anew. */
const MARK = ".holdfast-demo";

/**
 * Plays the story of the exemplar in a new folder: real digits, a real model, two versions, a clone, back in time, and a pipeline.
 * Each step is run as the command a person would type; each claim is checked by reading bytes. Text goes out as info events.
 * @param dir default `holdfast-demo` in the working folder; replaced when an earlier story made it, refused when it holds anything else.
 * @throws {UsageError} when `dir` is somebody's folder. @throws {DvcError} when a command fails.
 */
export async function demo(env: Environment, dir: string | undefined, options: DemoOptions): Promise<DemoResult> {
  const start = performance.now();
  const stage = openStage(env, dir ?? "holdfast-demo", options);
  const seconds = (): number => (performance.now() - start) / 1000;

  await setUp(stage);
  const first = await firstVersion(stage);
  const second = await secondVersion(stage, first);
  await cloneAndPull(stage, second);
  await backInTime(stage, first, second);
  await oldDataNewCode(stage, first, second);
  await mend(stage, first);
  await addPipeline(stage, () => pushVersion(stage, { ...second, name: "v3.0" }));
  await keepSnapshots(stage, first);

  const ok = stage.claims.every((one) => one.holds);
  const result = { dir: stage.dir, commands: stage.commands, claims: stage.claims, ok, seconds: seconds() };
  summarise(stage, first, second, result);
  return result;
}

/** What a version consisted of when it was made. */
interface Version {
  readonly name: string;
  readonly data: Snapshot;
  readonly model: Snapshot;
  /** What `npm run evaluate` printed. */
  readonly accuracy: string;
}

function openStage(env: Environment, name: string, options: DemoOptions): Stage {
  const dir = resolve(env.cwd, name);
  if (existsSync(dir) && readdirSync(dir).length > 0 && !existsSync(join(dir, MARK))) {
    throw new UsageError(`'${name}' is not empty and was not made by a demo`, {
      hint: "Name a folder that does not exist yet.",
    });
  }
  rmSync(dir, { recursive: true, force: true });
  const project = join(dir, "dvc-exemplar");
  makeFolders(project);
  writeFileSync(join(dir, MARK), "Made by `holdfast demo`, which may delete this folder and make it anew.\n");
  cpSync(options.exemplar, project, { recursive: true });
  restoreDotNames(project);
  holdBackPipeline(project, dir);
  return {
    dir,
    project,
    clone: join(dir, "colleague"),
    origin: join(dir, "dvc-exemplar.git"),
    store: join(dir, "remote"),
    shell: openShell(env, join(dir, "bin"), options.binary, options),
    options,
    commands: [],
    claims: [],
  };
}

/** npm does not carry files called .gitignore; they travel as "dot-gitignore". */
function restoreDotNames(folder: OsPath): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) restoreDotNames(join(folder, entry.name));
    else if (entry.name === "dot-gitignore") renameSync(join(folder, entry.name), join(folder, ".gitignore"));
  }
}

async function setUp(stage: Stage): Promise<void> {
  title(stage, "A new project from the exemplar");
  say(stage, `(in ${stage.project}; its .dvc/config already names the remote s3://dvc-exemplar/artifact-versioning)`);
  await type(stage, "git init -q -b main");
  // The story's commits need an author, and no signature, whatever this machine's Git is set to.
  await type(
    stage,
    "git config user.name 'Exemplar' && git config user.email exemplar@example.com && git config commit.gpgsign false && git config tag.gpgsign false",
  );
  await type(stage, "git add . && git commit -q -m 'exemplar: code, and the remote for its data'");
  await type(stage, "git clone -q --bare . ../dvc-exemplar.git && git remote add origin ../dvc-exemplar.git");
  await chooseRemote(stage, stage.project);
  await type(stage, "holdfast remote list");
}

/** The committed default stays as it is: what is special to this machine goes to `.dvc/config.local`, which Git ignores. */
async function chooseRemote(stage: Stage, folder: OsPath): Promise<void> {
  const { remote, url, endpointUrl, region, profile } = stage.options;
  if (remote !== "s3") {
    say(stage, "(a folder stands in for S3 here, by .dvc/config.local; the committed remote stays as it is)");
    await type(stage, "holdfast remote add --local -d embedded ../remote", folder);
    return;
  }
  for (const [key, value] of Object.entries({ url, endpointurl: endpointUrl, region, profile })) {
    if (value !== undefined)
      await type(stage, `holdfast remote modify --local s3remote ${key} ${quote(value)}`, folder);
  }
}

async function firstVersion(stage: Stage): Promise<Version> {
  title(stage, "Version 1.0: 1,000 images");
  await type(stage, "npm run -s digits -- 1000");
  await type(stage, "npm run -s preprocess");
  await type(stage, "npm run -s train");
  await type(stage, "holdfast add data model.json");
  const version = await look(stage, "v1.0");
  say(stage, `data: ${describeSnapshot(version.data)}; model.json: ${describeBytes(version.model.bytes)}`);
  say(
    stage,
    `data.dvc, which Git sees instead: ${describeBytes(readFileSync(join(stage.project, "data.dvc")).length)}`,
  );
  await type(stage, "cat data.dvc");
  await checkAdded(stage, version);
  await type(
    stage,
    "git add data.dvc model.json.dvc .gitignore metrics.json && git commit -q -m 'digits: 1,000 images and their model'",
  );
  await type(stage, 'git tag -a "v1.0" -m "model v1.0, 1000 images"');
  await checkGitSeesPointersOnly(stage);
  await pushVersion(stage, version);
  return version;
}

async function secondVersion(stage: Stage, first: Version): Promise<Version> {
  title(stage, "Version 2.0: all 1,797 images, and better code");
  await type(stage, "npm run -s digits -- 1797");
  await type(stage, "npm run -s preprocess");
  edit(stage, "src/train.ts", "epochs: 20", "epochs: 40");
  await type(stage, "npm run -s train");
  const status = await type(stage, "holdfast status");
  claim(
    stage,
    "status names what changed: data and model.json",
    /data\.dvc/.test(status.output) && /model\.json\.dvc/.test(status.output),
  );
  await type(stage, "holdfast add data model.json");
  const diff = await type(stage, "holdfast diff");
  claim(stage, "diff lists the 797 new images", (diff.output.match(/data\/images\/\d{4}\.png/g) ?? []).length === 797);
  const version = await look(stage, "v2.0");
  say(stage, `data: ${describeSnapshot(version.data)}`);
  await checkAdded(stage, version);
  const objects = listObjects(join(stage.project, ".dvc", "cache"));
  const distinct = new Set([first, version].flatMap((one) => [...one.data.files.values(), ...one.model.files.values()]))
    .size;
  claim(stage, "the cache holds each distinct content once, for both versions together", objects.size === distinct + 2);
  await type(stage, "git commit -q -a -m 'digits: all 1,797 images; train for 40 epochs'");
  await type(stage, 'git tag -a "v2.0" -m "model v2.0, 1797 images"');
  await pushVersion(stage, version);
  return version;
}

async function cloneAndPull(stage: Stage, second: Version): Promise<void> {
  title(stage, "A colleague clones: code first, then the data");
  await type(stage, "git clone -q dvc-exemplar.git colleague", stage.dir);
  claim(
    stage,
    "a fresh clone has pointers and no data",
    existsSync(join(stage.clone, "data.dvc")) && !existsSync(join(stage.clone, "data")),
  );
  await chooseRemote(stage, stage.clone);
  await type(stage, "holdfast pull", stage.clone);
  await checkVersion(stage, stage.clone, second, "after the pull, data and model are v2.0's, byte for byte");
  const status = await type(stage, "holdfast status", stage.clone);
  claim(stage, "status has nothing to report", /up to date/.test(status.output));
}

async function backInTime(stage: Stage, first: Version, second: Version): Promise<void> {
  title(stage, "The whole snapshot of v1.0, and forward again");
  await type(stage, "git checkout -q v1.0 && holdfast checkout");
  await checkVersion(stage, stage.project, first, "code, data and model are v1.0's again, byte for byte");
  await type(stage, "npm run -s train");
  const status = await type(stage, "holdfast status");
  claim(stage, "training v1.0 again gives the very same model", /up to date/.test(status.output));
  await type(stage, "git checkout -q main && holdfast checkout");
  await checkVersion(stage, stage.project, second, "main is v2.0 again, byte for byte");
}

async function oldDataNewCode(stage: Stage, first: Version, second: Version): Promise<void> {
  title(stage, "Old data under new code");
  await type(stage, "git checkout v1.0 data.dvc && holdfast checkout data.dvc");
  claim(stage, "data is v1.0's", sameSnapshot(await takeSnapshot(join(stage.project, "data")), first.data));
  claim(
    stage,
    "model.json is still v2.0's",
    sameSnapshot(await takeSnapshot(join(stage.project, "model.json")), second.model),
  );
  await type(stage, "npm run -s train");
  const between = await takeSnapshot(join(stage.project, "model.json"));
  claim(
    stage,
    "today's code on yesterday's data gives a third model",
    !sameSnapshot(between, first.model) && !sameSnapshot(between, second.model),
  );
  await type(stage, "git checkout -q HEAD data.dvc metrics.json && holdfast checkout --force");
  await type(stage, "git checkout v1.0 model.json.dvc && holdfast checkout model.json.dvc");
  const { output } = await type(stage, "npm run -s evaluate");
  claim(
    stage,
    "on the same held-out images, v1.0's model is behind v2.0's",
    percent(output) < percent(second.accuracy),
  );
  await type(stage, "git checkout -q HEAD model.json.dvc && holdfast checkout model.json.dvc");
  await checkVersion(stage, stage.project, second, "put back: v2.0, byte for byte");
}

async function mend(stage: Stage, first: Version): Promise<void> {
  title(stage, "A lost file comes back");
  await type(stage, "rm data/images/0007.png", stage.clone);
  const status = await type(stage, "holdfast status", stage.clone);
  claim(stage, "status notices that data changed", /data/.test(status.output) && !/up to date/.test(status.output));
  await type(stage, "holdfast checkout data/images/0007.png", stage.clone);
  const data = await takeSnapshot(join(stage.clone, "data"));
  claim(
    stage,
    "checkout restored that one file",
    data.files.get("images/0007.png") === first.data.files.get("images/0007.png"),
  );
}

async function look(stage: Stage, name: string): Promise<Version> {
  const accuracy = (await type(stage, "npm run -s evaluate")).output;
  const metrics = JSON.parse(readFileSync(join(stage.project, "metrics.json"), "utf8")) as { accuracy: number };
  claim(stage, `the model of ${name} gets over 90 % of the held-out images right`, metrics.accuracy > 0.9);
  return {
    name,
    accuracy,
    data: await takeSnapshot(join(stage.project, "data")),
    model: await takeSnapshot(join(stage.project, "model.json")),
  };
}

async function checkAdded(stage: Stage, version: Version): Promise<void> {
  const objects = listObjects(join(stage.project, ".dvc", "cache"));
  const dataHash = pointerHash(join(stage.project, "data.dvc")) ?? "";
  claim(
    stage,
    "data.dvc names a manifest that lists every file of data with its MD5",
    manifestMatches(objects, dataHash, version.data),
  );
  claim(
    stage,
    "model.json.dvc holds the MD5 of model.json",
    pointerHash(join(stage.project, "model.json.dvc")) === version.model.files.get(""),
  );
  claim(
    stage,
    "every file of data is in the cache",
    [...version.data.files.values()].every((md5) => objects.has(md5)),
  );
  claim(stage, "every object of the cache has the hash it is named by", (await findDamaged(objects)).length === 0);
}

async function checkGitSeesPointersOnly(stage: Stage): Promise<void> {
  const tracked = (await type(stage, "git ls-files")).output.split("\n");
  claim(
    stage,
    "Git holds data.dvc and model.json.dvc",
    tracked.includes("data.dvc") && tracked.includes("model.json.dvc"),
  );
  claim(
    stage,
    "Git holds no image and no model",
    !tracked.some((path) => path.startsWith("data/") || path === "model.json"),
  );
}

async function pushVersion(stage: Stage, version: Version): Promise<void> {
  await type(stage, "holdfast push");
  const cloud = await type(stage, "holdfast status --cloud");
  claim(stage, `the remote has all of ${version.name}`, /in sync/.test(cloud.output));
  if (stage.options.remote !== "s3") {
    const stored = listObjects(stage.store);
    const cached = listObjects(join(stage.project, ".dvc", "cache"));
    claim(
      stage,
      "the remote holds the cache's objects, and their bytes are right",
      [...cached.keys()].every((oid) => stored.has(oid)) && (await findDamaged(stored)).length === 0,
    );
  }
  await type(stage, "git push -q origin main --tags");
}

async function checkVersion(stage: Stage, folder: OsPath, version: Version, words: string): Promise<void> {
  const [data, model] = [await takeSnapshot(join(folder, "data")), await takeSnapshot(join(folder, "model.json"))];
  claim(stage, words, sameSnapshot(data, version.data) && sameSnapshot(model, version.model));
  const { output } = await type(stage, "npm run -s evaluate", folder);
  claim(stage, `the model answers as it did when ${version.name} was made`, output === version.accuracy);
}

function summarise(stage: Stage, first: Version, second: Version, result: DemoResult): void {
  title(stage, "Summary");
  const held = result.claims.filter((one) => one.holds).length;
  for (const version of [first, second]) {
    say(stage, `${version.name}: data ${describeSnapshot(version.data)}; ${version.accuracy}`);
  }
  const ours = result.commands.filter((one) => one.command.includes("holdfast "));
  const oursSeconds = ours.reduce((sum, one) => sum + one.seconds, 0);
  say(
    stage,
    `${result.commands.length} commands in ${result.seconds.toFixed(1)} s, ${ours.length} with holdfast in ${oursSeconds.toFixed(1)} s`,
  );
  say(stage, `${held} of ${result.claims.length} claims hold`);
  for (const one of result.claims) if (!one.holds) say(stage, `FAILED: ${one.claim}`);
  say(stage, `Look around: ${stage.project}`);
}

function percent(evaluation: string): number {
  return Number.parseFloat(evaluation);
}

function quote(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
