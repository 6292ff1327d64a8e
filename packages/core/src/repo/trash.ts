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

/** A bin for what this command removes. */
export function newBin(repo: Repo): FillingBin {
  const command = repo.env.commandLine ?? repo.env.programName;
  return new FillingBin(repo.cache.trashes, { command, project: repo.root }, { dirMode: repo.cache.dirMode });
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

/** Deletes for good what was removed at least `days` ago. */
export function emptyTrash(repo: Repo, days: number): TrashTotal {
  const total = { objects: 0, bytes: 0 };
  const before = systemClock.now() - days * DAY_MS;
  for (const bin of trashBins(repo)) {
    if (days > 0 && beganAt(bin) > before) continue;
    const { objects, bytes } = weigh(bin);
    dropBin(bin);
    total.objects += objects;
    total.bytes += bytes;
  }
  return total;
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
