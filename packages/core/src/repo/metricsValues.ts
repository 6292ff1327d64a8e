import { isAbsolute, resolve } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { posixRelative } from "../base/paths.ts";
import { asNumber, isRecord, setKey } from "../formats/pyValues.ts";
import { isEmptyValue } from "../pipeline/record.ts";
import {
  expandFolders,
  type FileValues,
  type Moment,
  readRevisions,
  readValues,
  type RevisionValues,
} from "./fileValues.ts";
import type { Index } from "./index.ts";
import { looking } from "./looking.ts";
import type { Repo } from "./repo.ts";
import { RevisionFiles } from "./revisionFiles.ts";
import type { RevisionOptions } from "./revisions.ts";
import { topLevelFiles } from "./topLevelFiles.ts";

/**
 * The metrics of the workspace and of the revisions asked for: those of stages and of the top level of dvc.yaml, or the
 * files and folders given (relative to the working folder).
 * @throws {ScmError} for an unknown revision.
 */
export function readMetrics(
  repo: Repo,
  targets: readonly string[],
  options: RevisionOptions & CallOptions,
): Promise<RevisionValues[]> {
  return looking(repo, async () => {
    const paths = targets.map((target) => posixRelative(repo.root, resolve(repo.env.cwd, target)));
    return readRevisions(repo, { ...options, kind: "metrics" }, (moment) => gather(moment, paths));
  });
}

/** The metrics of one revision, whose index has been read already. */
export async function metricsAt(repo: Repo, index: Index, options: CallOptions): Promise<FileValues[]> {
  return gather({ repo, index, files: new RevisionFiles(repo, index, options) }, []);
}

async function gather(moment: Moment, targets: readonly string[]): Promise<FileValues[]> {
  const paths = targets.length > 0 ? targets : metricsFiles(moment);
  const values: FileValues[] = [];
  for (const path of await expandFolders(moment, paths)) values.push(await readValues(moment, path, metricsOf));
  return values;
}

function metricsFiles({ repo, index }: Moment): string[] {
  const paths = index.outs.flatMap(({ out }) => (isEmptyValue(out.metric) ? [] : [out]));
  return [
    ...paths.map(({ path, isLocal }) => (isLocal && isAbsolute(path) ? posixRelative(repo.root, path) : path)),
    ...topLevelFiles(repo, index, "metrics"),
  ];
}

/** Numbers, texts and truth values, in nested mappings; everything else is no metric. */
function metricsOf(parsed: unknown): unknown {
  const metrics = extract(parsed);
  return metrics === undefined || metrics === false || metrics === "" || asNumber(metrics) === 0 ? {} : metrics;
}

function extract(value: unknown): unknown {
  if (typeof value === "string" || typeof value === "boolean" || asNumber(value) !== undefined) return value;
  if (!isRecord(value)) return undefined;
  const metrics: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(value)) {
    const metric = extract(one);
    if (metric !== undefined && !(isRecord(metric) && Object.keys(metric).length === 0)) setKey(metrics, key, metric);
  }
  return metrics;
}
