// Writes docs/cli/*.md from the help of the built program, so that help and pages never differ.
// `--check` writes nothing and fails when a page is out of date.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const program = join(root, "packages", "cli", "bin", "holdfast.js");
const folder = join(root, "docs", "cli");
const isCheck = process.argv.includes("--check");

const pages = new Map();
const listed = commandsIn(help());
for (const name of listed.keys()) {
  const text = help(name);
  const group = /\{([a-z,-]+)\} \.\.\./.exec(text);
  const parts = [page(`holdfast ${name}`, text, 1)];
  for (const sub of group === null ? [] : group[1].split(","))
    parts.push(page(`holdfast ${name} ${sub}`, help(name, sub), 2));
  pages.set(`${name}.md`, parts.join("\n"));
}
const rows = [...listed].map(([name, summary]) => `| [\`${name}\`](${name}.md) | ${summary} |`);
pages.set(
  "README.md",
  `# Commands\n\nMade by \`npm run docs\` from the program's own help.\n\n| command | what it does |\n| --- | --- |\n${rows.join("\n")}\n`,
);

const stale = [...pages].filter(
  ([name, text]) => !existsSync(join(folder, name)) || readFileSync(join(folder, name), "utf8") !== text,
);
const gone = existsSync(folder) ? readdirSync(folder).filter((name) => !pages.has(name)) : [];
if (isCheck) {
  for (const name of [...stale.map(([one]) => one), ...gone])
    console.error(`docs/cli/${name} is out of date: run npm run docs`);
  process.exitCode = stale.length + gone.length > 0 ? 1 : 0;
} else {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of stale) writeFileSync(join(folder, name), text);
  for (const name of gone) rmSync(join(folder, name));
  console.log(`docs/cli: ${pages.size} pages, ${stale.length} written, ${gone.length} removed`);
}

function help(...words) {
  const env = { ...process.env, COLUMNS: "100", NO_COLOR: "1" };
  const ran = spawnSync(process.execPath, [program, ...words, "--help"], { encoding: "utf8", env });
  if (ran.status !== 0) throw new Error(`holdfast ${words.join(" ")} --help: ${ran.stderr}`);
  return ran.stdout;
}

/** Names and summaries out of the list of commands; a summary may go on over several lines. */
function commandsIn(text) {
  const found = new Map();
  let last;
  for (const line of text.slice(text.indexOf("Available Commands:")).split("\n").slice(2)) {
    const start = /^ {4}([a-z-]+)(?: \([a-z, -]+\))?(?: {2,}(.*))?$/.exec(line);
    if (start !== null) {
      last = start[1];
      found.set(last, start[2] ?? "");
    } else if (last !== undefined && line.trim() !== "") found.set(last, `${found.get(last)} ${line.trim()}`.trim());
  }
  return found;
}

function page(title, text, level) {
  return `${"#".repeat(level)} ${title}\n\n\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`;
}
