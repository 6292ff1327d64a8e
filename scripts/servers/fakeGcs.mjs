// fake-gcs-server for the tests of gs://: found, or through Go into .cache/bin.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { CACHE, programAt } from "./places.mjs";

const PACKAGE = "github.com/fsouza/fake-gcs-server@v1.52.2";
const bin = join(CACHE, "bin");

/** Makes sure that the server is there. @returns whether it is */
export function setUpFakeGcs() {
  const found = programAt("fake-gcs-server");
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
