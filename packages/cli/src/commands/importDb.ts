import { choice, type Command, defineCommand, defined, flag, optionalText, requiredText, text } from "../command.ts";

/** `import-db`. */
export const importDb: Command = defineCommand({
  name: "import-db",
  summary: "Write the rows of a query or table to a CSV or JSON file and track it.",
  description:
    "Connections are sections of the config: db.NAME.url, such as postgresql://user@host/name, sqlite:///file.db or duckdb:///file.duckdb, and db.NAME.username and password. update runs the query again.",
  docs: "import-db",
  examples: [
    { text: "Say once where the database is", command: "config db.shop.url postgresql://reader@localhost/shop" },
    { text: "A query", command: 'import-db --sql "select * from orders" --conn shop -o orders.csv' },
    { text: "A table as JSON", command: "import-db --table users --conn shop --output-format json" },
  ],
  options: {
    sql: text("--sql", "<query>", "The query whose rows to import.", { group: "what", required: true }),
    table: text("--table", "<table>", "The table to import.", { group: "what", required: true }),
    outputFormat: choice("--output-format", ["csv", "json"], "Form of the file.", "csv", { nargs: "?", const: "csv" }),
    out: optionalText("-o/--out", "<path>", "Path of the file.", { complete: "file" }),
    force: flag("-f/--force", "Replace what is there."),
    conn: requiredText("--conn", "<name>", "The connection to use."),
  },
  positionals: {},
  async run(context, { conn, outputFormat, json: _json, ...rest }) {
    const api = await import("@holdfast/core/api/importDb");
    const options = { ...context.call, ...defined(rest), connection: conn, format: outputFormat };
    return api.importDb(await context.open(), options);
  },
});
