// The report as a Markdown table, and its place in docs/benchmarks.md.
import { readFileSync, writeFileSync } from "node:fs";

const seconds = (one) =>
  one === undefined ? "" : one.seconds < 0.1 ? `${(one.seconds * 1000).toFixed(0)} ms` : `${one.seconds.toFixed(2)} s`;
const megabytes = (one) => (one === undefined || one.peakBytes === 0 ? "" : `${Math.round(one.peakBytes / 1e6)} MB`);

/** Whether the case reaches its goals, in one word; "" when it has none that this run could check. */
export function verdict(one) {
  if (one.failed.length > 0) return `FAILED: ${one.failed.join(", ")}`;
  const { holdfast, dvc } = one.by;
  if (holdfast === undefined) return "";
  const misses = [];
  let checked = false;
  if (one.atLeast !== undefined && dvc !== undefined) {
    checked = true;
    if (dvc.seconds / holdfast.seconds < one.atLeast) misses.push("speed");
  }
  if (one.within !== undefined && one.within.of.every((name) => one.by[name] !== undefined)) {
    checked = true;
    const limit = one.within.of.reduce((sum, name) => sum + one.by[name].seconds, 0) * one.within.times;
    if (holdfast.seconds > limit) misses.push("speed");
  }
  if (one.under !== undefined) {
    checked = true;
    if (holdfast.seconds > one.under) misses.push("speed");
  }
  if (one.memory !== undefined && holdfast.peakBytes > 0) {
    checked = true;
    if (holdfast.peakBytes > one.memory) misses.push("memory");
  }
  if (!checked) return "";
  return misses.length === 0 ? "yes" : `no: ${misses.join(", ")}`;
}

function goal(one) {
  const parts = [];
  if (one.atLeast !== undefined) parts.push(`${one.atLeast}x`);
  if (one.within !== undefined) parts.push(`${one.within.times} x (${one.within.of.join(" + ")})`);
  if (one.under !== undefined) parts.push(`under ${one.under} s`);
  if (one.memory !== undefined) parts.push(`${one.memory / 1e6} MB`);
  return parts.join(", ");
}

export function markdownTable(report) {
  const head = [
    "case",
    "holdfast",
    "DVC",
    "times faster",
    "goal",
    "reached",
    "peak memory",
    "DVC's",
    "cp -r",
    "md5sum",
    "make",
    "dud",
    "rclone",
    "s5cmd",
  ];
  const rows = report.cases.map((one) => {
    const { holdfast, dvc, cp, md5sum, make, dud, rclone, s5cmd } = one.by;
    const ratio = holdfast !== undefined && dvc !== undefined ? `${(dvc.seconds / holdfast.seconds).toFixed(1)}x` : "";
    return [
      one.label,
      seconds(holdfast),
      seconds(dvc),
      ratio,
      goal(one),
      verdict(one),
      megabytes(holdfast),
      megabytes(dvc),
      seconds(cp),
      seconds(md5sum),
      seconds(make),
      seconds(dud),
      seconds(rclone),
      seconds(s5cmd),
    ];
  });
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |\n`;
  return line(head) + line(widths.map((width) => "-".repeat(width))) + rows.map(line).join("");
}

const BEGIN = "<!-- table: written by npm run bench -- --write-docs -->";
const END = "<!-- end of table -->";

/** Puts the table and the machine it was made on between the two marks of `path`. */
export function writeDocs(path, report, table) {
  const text = readFileSync(path, "utf8");
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${path}: the marks for the table are missing`);
  const made = Object.entries(report.versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");
  const where = `${report.when.slice(0, 10)}, ${report.machine}, Node ${report.node}; ${made}; scale ${report.scale}.`;
  writeFileSync(path, `${text.slice(0, from)}${BEGIN}\n\n${where}\n\n${table}\n${text.slice(to)}`);
}
