import { readFileSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { systemClock } from "../base/clock.ts";
import { isInside, type OsPath } from "../base/paths.ts";
import { type Environment, globalConfigDir } from "../base/platform.ts";
import { writeFileAtomic } from "../fs/atomic.ts";

/** What a committed setting would make of this machine. */
export type TrustReason = "credential file" | "program" | "cache folder" | "folder for plots";

/** A setting of a project's own config that only counts when the user trusts the project. */
export interface TrustSetting {
  /** `remote.NAME.OPTION`, `cache.dir`, `cache.local`, `plots.out_dir` or `plots.auto_open`. */
  readonly key: string;
  readonly value: string;
  readonly reason: TrustReason;
}

/** Sections as `Config` reads them. */
type Sections = Readonly<Record<string, unknown>>;

const REMOTE_OPTIONS: Readonly<Record<string, TrustReason>> = {
  credentialpath: "credential file",
  configpath: "credential file",
  keyfile: "credential file",
  cert_path: "credential file",
  key_path: "credential file",
  gdrive_user_credentials_file: "credential file",
  gdrive_service_account_json_file_path: "credential file",
  bearer_token_command: "program",
};
/** Sections that say where data and secrets go. */
const SECTIONS = ["cache", "core", "db", "remote"] as const;
/** Larger files are not ours (bytes). */
const MAX_BYTES = 4 << 20;
/** So many projects are remembered, the youngest. */
const MAX_PROJECTS = 1000;

/** Why an option of a storage counts only when the user trusts who set it; undefined: it always counts. */
export function trustReasonOf(option: string): TrustReason | undefined {
  return Object.hasOwn(REMOTE_OPTIONS, option) ? REMOTE_OPTIONS[option] : undefined;
}

/**
 * The settings of one config file of the project at `root` that name a credential file or a folder outside of it, or have a
 * program run.
 */
export function settingsToTrust(sections: Sections, root: OsPath): TrustSetting[] {
  const found: TrustSetting[] = [];
  for (const [name, options] of Object.entries(recordOf(sections["remote"]))) {
    for (const [option, value] of Object.entries(recordOf(options))) {
      const reason = trustReasonOf(option);
      if (reason !== undefined && typeof value === "string")
        found.push({ key: `remote.${name}.${option}`, value, reason });
    }
  }
  const { dir, local } = recordOf(sections["cache"]);
  if (typeof dir === "string" && !isInside(root, resolve(root, dir)))
    found.push({ key: "cache.dir", value: dir, reason: "cache folder" });
  if (typeof local === "string") found.push({ key: "cache.local", value: local, reason: "cache folder" });
  const { out_dir: out, auto_open: open } = recordOf(sections["plots"]);
  if (typeof out === "string" && !isInside(root, resolve(root, out)))
    found.push({ key: "plots.out_dir", value: out, reason: "folder for plots" });
  if (typeof open === "string" && open.toLowerCase() === "true")
    found.push({ key: "plots.auto_open", value: open, reason: "program" });
  return found;
}

/** Stands for all settings of the files that say where data and secrets go: another value of one gives another digest. */
export function trustDigest(files: readonly Sections[]): string {
  const { createHash } = process.getBuiltinModule("node:crypto");
  const parts = files.map((sections) => {
    const plots = sections["plots"];
    return [...SECTIONS.map((section) => sorted(sections[section])), ...(plots === undefined ? [] : [sorted(plots)])];
  });
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** The digest that the user trusts of the project at `root`; undefined when there is none. */
export function trustedDigest(env: Environment, root: OsPath): string | undefined {
  const entry = recordOf(readProjects(env)[realpathSync(root)]);
  return typeof entry["digest"] === "string" ? entry["digest"] : undefined;
}

/** Remembers, or with undefined forgets, what is trusted of the project at `root`. */
export function writeTrust(env: Environment, root: OsPath, digest: string | undefined): void {
  const at = realpathSync(root);
  const rest = Object.entries(readProjects(env)).filter(([path]) => path !== at);
  const kept = rest.slice(-(MAX_PROJECTS - 1));
  const day = new Date(systemClock.now()).toISOString();
  const projects = Object.fromEntries(digest === undefined ? rest : [...kept, [at, { digest, since: day }]]);
  writeFileAtomic(trustFile(env), `${JSON.stringify({ version: 1, projects }, undefined, 2)}\n`, {
    mode: 0o600,
    parents: true,
  });
}

/**
 * A person who edits the config of a project with our commands trusts what stands there then, provided that nothing stood
 * there before that was not trusted.
 */
export function keepTrust(
  env: Environment,
  root: OsPath,
  before: readonly Sections[],
  after: readonly Sections[],
): void {
  const isFree = (sections: Sections): boolean =>
    settingsToTrust(sections, root).length === 0 && !namesAccount(sections);
  if (after.every(isFree)) return;
  const wasFree = before.every(isFree);
  if (wasFree || trustedDigest(env, root) === trustDigest(before)) writeTrust(env, root, trustDigest(after));
}

/** Whether an account is named that would be sent a token of the user's environment. */
function namesAccount(sections: Sections): boolean {
  return Object.values(recordOf(sections["remote"])).some((options) =>
    Object.hasOwn(recordOf(options), "account_name"),
  );
}

/** Beside DVC's own user-level config, which knows nothing of it. */
export function trustFile(env: Environment): OsPath {
  return join(globalConfigDir(env), "holdfast-trust.json");
}

function readProjects(env: Environment): Record<string, unknown> {
  try {
    const text = readFileSync(trustFile(env), "utf8");
    if (text.length > MAX_BYTES) return {};
    return { ...recordOf(recordOf(JSON.parse(text) as unknown)["projects"]) };
  } catch {
    return {};
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value ?? null;
  if (Array.isArray(value)) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, sorted(inner)]);
}
