// fake-gcs-server for the tests of gs://: found, or through Go into .cache/bin.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

const PACKAGE = "github.com/fsouza/fake-gcs-server@v1.52.2";
const bin = join(import.meta.dirname, "..", "..", ".cache", "bin");

/** Makes sure that the server is there. @returns whether it is */
export function setUpFakeGcs() {
  const folders = [bin, join(process.env.GOPATH ?? join(homedir(), "go"), "bin"), ...onPath()];
  const found = folders.map((folder) => join(folder, "fake-gcs-server")).find((path) => existsSync(path));
  if (found !== undefined) {
    console.log(`GCS server for the tests: ${found}`);
    return true;
  }
  console.log(`GCS server for the tests: go install ${PACKAGE} (a minute or two)`);
  mkdirSync(bin, { recursive: true });
  const { status } = spawnSync("go", ["install", PACKAGE], { stdio: "inherit", env: { ...process.env, GOBIN: bin } });
  if (status === 0) return true;
  console.error(`The tests of gs:// need fake-gcs-server: install Go (https://go.dev/dl) and run this again.`);
  return false;
}

function onPath() {
  return (process.env.PATH ?? "").split(delimiter).filter(Boolean);
}
