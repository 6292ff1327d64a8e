// Gets real HDFS (a mini cluster of Hadoop) for `make test-hdfs` into .cache/hdfs. Needs Maven and a JDK from 17 on.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

const source = join(import.meta.dirname, "hdfs");
const target = join(import.meta.dirname, "..", "..", ".cache", "hdfs");
const libraries = join(target, "lib");

if (existsSync(join(target, "MiniHdfs.class"))) console.log(`HDFS for the tests: ${target}`);
else {
  mkdirSync(libraries, { recursive: true });
  for (const name of ["pom.xml", "MiniHdfs.java"]) copyFileSync(join(source, name), join(target, name));
  run("mvn", ["--quiet", "--batch-mode", "dependency:copy-dependencies", `-DoutputDirectory=${libraries}`]);
  run("javac", ["-cp", join(libraries, "*"), "-d", target, join(target, "MiniHdfs.java")]);
}

function run(program, words) {
  const { status, error } = spawnSync(program, words, { cwd: target, stdio: "inherit" });
  if (status === 0) return;
  console.error(
    `The tests of HDFS need Maven and a JDK from 17 on (Debian: apt-get install maven openjdk-17-jdk-headless); ${program} ${error === undefined ? "failed" : "is missing"}.`,
  );
  process.exit(1);
}
