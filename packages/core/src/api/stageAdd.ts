import { dirname, join, relative } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { info, warn } from "../base/events.ts";
import { DvcError, GraphError } from "../base/errors.ts";
import { requireKnownUrl } from "../fs/open.ts";
import { DuplicateOutputError, alreadySpecified } from "../pipeline/outsIndex.ts";
import { saveDefinition, saveStage } from "../pipeline/save.ts";
import { type StageDefinition, stageOfDefinition, withKeptFields } from "../pipeline/stageAdd.ts";
import type { Output, Stage } from "../pipeline/stage.ts";
import { type GitContext, refuseGitTracked, refuseIgnoredStageFile, withGitContext } from "../repo/gitContext.ts";
import { type Index, loadIndex } from "../repo/index.ts";
import { checkOutputPath } from "../repo/outputPath.ts";
import { changeRepo } from "../repo/change.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, shownLocal, viewOf } from "../repo/shown.ts";
import { PROJECT_FILE } from "../repo/stageFiles.ts";
import { runStage } from "./runStage.ts";

export type { StageDefinition } from "../pipeline/stageAdd.ts";

export interface StageAddOptions extends CallOptions {
  /** Replace a stage of the same name. */
  readonly force?: boolean;
  /** Run the new stage, and no other. */
  readonly run?: boolean;
}

/** `file` is relative to the working folder. */
export interface StageAddResult {
  readonly stage: string;
  readonly file: string;
}

/**
 * Writes a stage to the dvc.yaml of the working folder and makes Git ignore its outputs.
 * @throws {DvcError} in DVC's words when the name is taken, or the stage does not fit the others; nothing is written then
 * @example await stageAdd(repo, { name: "train", cmd: "python train.py", deps: ["data"], outs: ["model"] })
 */
export async function stageAdd(
  repo: Repo,
  definition: StageDefinition,
  options: StageAddOptions = {},
): Promise<StageAddResult> {
  return changeRepo(repo, "stage add", options, () =>
    withGitContext(repo, options, async (context) => {
      const stage = prepare(repo, definition, options);
      refuseTrackedOutputs(repo, stage);
      // The stage comes last: as long as it is not there, the same command can be given again.
      context.track(stage.file);
      ignoreOutputs(repo, stage, context, options);
      // What it says of its own is put in one line below.
      for (const file of saveDefinition(stage, viewOf(repo, {}))) context.track(file);
      const result = { stage: addressOf(repo, stage), file: relative(repo.env.cwd, stage.file) };
      info(options, `Added stage '${result.stage}' in '${result.file}'`);
      if (options.run === true) {
        // `force` is about the definition: a past run is restored all the same.
        const done = await runStage(repo, stage, context, { ...options, force: false });
        for (const file of saveStage(done, viewOf(repo, options))) context.track(file);
        repo.state.save();
      }
      return result;
    }),
  );
}

function prepare(repo: Repo, definition: StageDefinition, options: StageAddOptions): Stage {
  const file = join(repo.env.cwd, PROJECT_FILE);
  refuseIgnoredStageFile(repo, file);
  const fresh = stageOfDefinition(definition, repo.env.cwd, repo.loadContext);
  for (const dep of fresh.deps) if (dep.kind === "file") requireKnownUrl(dep.defPath);
  for (const out of fresh.outs) {
    requireKnownUrl(out.defPath);
    const rule = out.isLocal ? repo.ignore.reason(out.path) : undefined;
    if (rule !== undefined) throw new DvcError(`Path '${out.path}' is ignored by ${rule}`);
    if (out.useCache || out.isInRepo) checkOutputPath(repo, fresh, out);
  }
  const index = loadIndex(repo);
  const project = index.files.hasProjectFile(repo.env.cwd) ? index.files.project(file) : undefined;
  const isTaken =
    project !== undefined && (project.names().includes(fresh.name ?? "") || project.isGroup(fresh.name ?? ""));
  if (isTaken && options.force !== true) {
    throw new DvcError(
      `Stage '${fresh.name ?? ""}' already exists in '${relative(repo.env.cwd, file)}'. Use '--force' to overwrite.`,
      { code: "exists" },
    );
  }
  checkGraph(repo, index, fresh);
  return withKeptFields(fresh, isTaken ? project.stage(fresh.name ?? "") : undefined);
}

/** Checks the graph as it would be with the new stage. An output of another stage is said to be that stage's. */
function checkGraph(repo: Repo, index: Index, fresh: Stage): void {
  try {
    index.checkGraph([fresh]);
  } catch (error) {
    if (!(error instanceof DuplicateOutputError)) throw error;
    const other = error.owners.find(({ stage }) => stage !== fresh);
    if (other === undefined || error.owners.every(({ stage }) => stage !== fresh)) throw error;
    throw new GraphError(alreadySpecified(other, viewOf(repo, {})));
  }
}

function refuseTrackedOutputs(repo: Repo, stage: Stage): void {
  const paths = stage.outs.filter((out) => out.useCache && out.isInRepo).map((out) => out.path);
  refuseGitTracked(repo, paths, (path) => shownLocal(repo, path));
}

/** DVC takes the kinds of outputs in this order, which `.gitignore` shows. */
function rank(out: Output): number {
  if (out.metric !== false) return 1;
  if (out.plot !== false) return 2;
  return out.persist ? 0 : 3;
}

/** A folder that is not there yet gets its line when the stage has run. */
function ignoreOutputs(repo: Repo, stage: Stage, context: GitContext, options: CallOptions): void {
  for (const out of [...stage.outs].sort((a, b) => rank(a) - rank(b))) {
    if (!out.useCache || !out.isInRepo) continue;
    if (repo.git !== undefined && !repo.workspace.exists(dirname(out.path))) {
      warn(
        options,
        `Could not create .gitignore entry in ${join(dirname(out.path), ".gitignore")}. DVC will attempt to create .gitignore entry again when the stage is run.`,
      );
      return;
    }
    context.ignore(out.path);
  }
}
