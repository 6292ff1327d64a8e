import { basename, dirname, join } from "node:path";
import { DvcError, UsageError } from "../base/errors.ts";
import { type CallOptions, info } from "../base/events.ts";
import { build } from "../data/build.ts";
import { exportRows, type TableFormat } from "../db/export.ts";
import type { Dependency, Stage } from "../pipeline/stage.ts";
import { inScratch } from "../data/swap.ts";
import { type GitContext, withGitContext } from "../repo/gitContext.ts";
import { changeRepo } from "../repo/change.ts";
import type { Repo } from "../repo/repo.ts";
import { shownPath } from "../repo/shown.ts";
import { type AddedStage, addedStage } from "./addedStage.ts";
import { openConnection } from "./dbConnection.ts";
import { saveImport } from "./import.ts";
import { importOutput, newImport, placeBuilt, withBuilt } from "./importPlace.ts";

/** What to import. Either `sql` or `table`. */
export interface DbImportOptions extends CallOptions {
  readonly sql?: string;
  readonly table?: string;
  /** Name of a `db` section of the config. */
  readonly connection: string;
  readonly format?: TableFormat;
  /** Path here; default: the name of the table, or `results`, with the form's extension. */
  readonly out?: string;
  readonly force?: boolean;
}

/** The kind of dependency that an import from a database has. */
export type DbDependency = Extract<Dependency, { kind: "db" }>;

/**
 * Writes the rows of a query or a table to a CSV or JSON file and tracks it.
 * @throws {UsageError} without a query, {DvcError} with DVC's texts, {ConfigError} when the database's package is missing.
 * @example await importDb(repo, { connection: "warehouse", sql: "select * from orders", out: "orders.csv" })
 */
export async function importDb(repo: Repo, options: DbImportOptions): Promise<AddedStage> {
  const { sql, table, connection, format = "csv" } = options;
  if ((sql === undefined) === (table === undefined)) throw new UsageError("either sql or table is needed");
  const chosen = importOutput(
    repo,
    "import-db",
    ".",
    options.out ?? `${table ?? "results"}.${format}`,
    options.force === true,
  );
  return changeRepo(repo, "import-db", options, () =>
    withGitContext(repo, options, async (context) => {
      const db: Record<string, string> = { connection, file_format: format };
      if (sql !== undefined && sql !== "") db["query"] = sql;
      if (table !== undefined && table !== "") db["table"] = table;
      const text = sql ?? table ?? "";
      const dep: DbDependency = {
        kind: "db",
        defPath: text.length > 50 ? `${text.slice(0, 47)}...` : text,
        extra: { db },
      };
      const stage = newImport(repo, chosen, () => [dep]);
      const done = await runDbImport(repo, stage, dep, context, options);
      saveImport(repo, done, context, options);
      const [out] = done.outs;
      if (out === undefined) throw new DvcError("an import without output");
      return addedStage(repo, done, out);
    }),
  );
}

/** Runs the query of an import and brings its rows into cache and workspace. `isForeign`: the query is a file's. */
export async function runDbImport(
  repo: Repo,
  stage: Stage,
  dep: DbDependency,
  context: GitContext,
  options: CallOptions & { readonly isForeign?: boolean },
): Promise<Stage> {
  const [out] = stage.outs;
  if (out === undefined) return stage;
  info(options, `Importing '${dep.defPath}' -> '${shownPath(repo, out)}'`);
  return inScratch(repo.tmpDir, async (folder) => {
    const file = join(folder, basename(out.path));
    const count = await exportTo(repo, dep, file, options);
    const built = await build(file, { ...options, store: repo.cache });
    await placeBuilt(repo, out, built, options);
    context.ignore(out.path);
    const shown = shownPath(repo, out);
    const isCounted = formatOf(dep) === "csv" && count > 0;
    info(options, isCounted ? `Saved ${String(count)} rows to ${shown}` : `Saved to ${shown}`);
    return { ...stage, outs: [withBuilt(out, built)] };
  });
}

async function exportTo(
  repo: Repo,
  dep: DbDependency,
  file: string,
  options: CallOptions & { readonly isForeign?: boolean },
): Promise<number> {
  const { connection = "", query, table } = settingsOf(dep);
  const sql = query ?? table;
  if (sql === undefined) throw new DvcError("Cannot download: no query or table specified");
  const database = await openConnection(repo, connection, options.isForeign === true, dirname(file));
  try {
    await database.test();
    const rows = (await database.hasTable(sql)) ? await database.table(sql) : await database.query(sql);
    return await exportRows(rows, file, formatOf(dep), options);
  } finally {
    await database.close();
  }
}

function formatOf(dep: DbDependency): TableFormat {
  return settingsOf(dep).file_format === "json" ? "json" : "csv";
}

function settingsOf(dep: DbDependency): { connection?: string; file_format?: string; query?: string; table?: string } {
  const db: unknown = dep.extra["db"];
  return typeof db === "object" && db !== null ? db : {};
}
