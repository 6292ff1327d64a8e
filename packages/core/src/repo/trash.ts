import { join } from "node:path";
import { ConfigError } from "../base/errors.ts";
import { systemClock } from "../base/clock.ts";
import { TRASH_FOLDER } from "../odb/objectDb.ts";
import {
  beganAt,
  binHas,
  dropBin,
  FillingBin,
  holdsObjects,
  readTrash,
  type TrashBin,
  type TrashTotal,
  weigh,
} from "../odb/trash.ts";
import { isInside, type OsPath } from "../base/paths.ts";
import { note } from "./journal.ts";
import type { Repo } from "./repo.ts";

/** How long the trash keeps what was removed, in days, unless somebody says otherwise. */
const DEFAULT_DAYS = 14;
const DAY_MS = 24 * 3_600_000;

/**
 * How long the trash keeps what was removed, in days: `HOLDFAST_TRASH_DAYS`, else `trash_days` in `[feature]` of the config.
 * @throws {ConfigError} for anything but a number from 0 on
 */
export function trashDays(repo: Repo): number {
  const text = repo.env.env["HOLDFAST_TRASH_DAYS"] || repo.config.get("feature", "trash_days");
  if (text === undefined) return DEFAULT_DAYS;
  const days = Number(text);
  if (text.trim() !== "" && Number.isFinite(days) && days >= 0) return days;
  throw new ConfigError(`'${text}' is no number of days`, {
    hint: "Set HOLDFAST_TRASH_DAYS, or feature.trash_days in the config, to a number from 0 on.",
  });
}

/** A bin for the objects that this command removes; the journal hears of it before it is made. */
export function newBin(repo: Repo): FillingBin {
  const command = repo.env.commandLine ?? repo.env.programName;
  const beginning = (path: OsPath): void => {
    note(repo, { kind: "bin", path });
  };
  const about = { command, project: repo.root };
  return new FillingBin(repo.cache.trashes, about, { dirMode: repo.cache.dirMode, beginning });
}

/** All that was removed from caches and workspace, newest first. */
export function trashBins(repo: Repo): TrashBin[] {
  return readTrash([join(repo.tmpDir, TRASH_FOLDER), ...repo.cache.trashes]);
}

/** The bins that hold objects, newest first. */
export function objectBins(repo: Repo): TrashBin[] {
  return trashBins(repo).filter(holdsObjects);
}

/** What the trash holds, by the records of its bins; a bin without one is counted. */
export function trashTotal(repo: Repo): TrashTotal {
  const total = { objects: 0, bytes: 0 };
  for (const bin of trashBins(repo)) {
    const { objects, bytes } = bin.record !== undefined && bin.record.objects > 0 ? bin.record : weigh(bin);
    total.objects += objects;
    total.bytes += bytes;
  }
  return total;
}

/**
 * Deletes for good what was removed at least `days` ago. What other projects put into the trash of a shared cache only goes
 * when it is old enough by our own setting.
 */
export function emptyTrash(repo: Repo, days: number): TrashTotal {
  const total = { objects: 0, bytes: 0 };
  for (const bin of trashBins(repo)) {
    const isOthers = bin.record !== undefined && bin.record.project !== repo.root && !isInside(repo.tmpDir, bin.path);
    if (!isOlder(bin, isOthers ? Math.max(days, trashDays(repo)) : days)) continue;
    const { objects, bytes } = weigh(bin);
    dropBin(bin);
    total.objects += objects;
    total.bytes += bytes;
  }
  return total;
}

/** Deletes for good what commands took out of the workspace, once it is old enough; objects are left to `gc`. Never fails. */
export function emptyWorkspaceTrash(repo: Repo): void {
  try {
    const days = Math.max(1, trashDays(repo));
    for (const bin of readTrash([join(repo.tmpDir, TRASH_FOLDER)]))
      if (isOlder(bin, days) && !holdsObjects(bin)) dropBin(bin);
  } catch {
    // A setting that is wrong, a bin that can't be deleted: the command itself has done its work.
  }
}

function isOlder(bin: TrashBin, days: number): boolean {
  return days === 0 || beganAt(bin) <= systemClock.now() - days * DAY_MS;
}

/** What to do about missing objects that lie in the trash; undefined when none does. */
export function trashHint(repo: Repo, oids: Iterable<string>): string | undefined {
  const bins = objectBins(repo);
  if (bins.length === 0) return undefined;
  let found = 0;
  let deepest = 0;
  for (const oid of oids) {
    const at = bins.findIndex((bin) => binHas(bin, oid));
    if (at < 0) continue;
    found++;
    deepest = Math.max(deepest, at + 1);
  }
  if (found === 0) return undefined;
  const times = deepest === 1 ? "" : `, ${String(deepest)} times`;
  return `${String(found)} of the missing objects ${found === 1 ? "is" : "are"} in the trash: '${repo.env.programName} gc --undo' brings the last 'gc' back${times}.`;
}
