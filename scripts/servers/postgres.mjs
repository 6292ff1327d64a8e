// PostgreSQL for the tests of import-db: found, or from Debian's packages as root.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { installByApt } from "./places.mjs";

const DEBIAN = "/usr/lib/postgresql";

/** Folder of `initdb` and `postgres`; undefined when there is none. */
function programs() {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...versions.map((one) => join(DEBIAN, one, "bin")), ...(process.env.PATH ?? "").split(delimiter)];
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}

/** No cluster of the system's own: the tests start theirs. */
function keepClusterAway() {
  mkdirSync("/etc/postgresql-common", { recursive: true });
  const settings = "/etc/postgresql-common/createcluster.conf";
  if (!existsSync(settings)) writeFileSync(settings, "create_main_cluster = false\n");
}

/** Makes sure that PostgreSQL is there. @returns whether it is */
export function setUpPostgres() {
  if (programs() === undefined) installByApt("postgresql", keepClusterAway);
  const found = programs();
  if (found !== undefined) {
    console.log(`PostgreSQL for the tests: ${found}`);
    return true;
  }
  console.error(
    "The tests of import-db need PostgreSQL: install it (Debian: apt-get install postgresql), run this again.",
  );
  return false;
}
