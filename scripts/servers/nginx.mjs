// nginx for the tests of http://: found, or from Debian's packages as root.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const places = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/bin/nginx", "/opt/homebrew/bin/nginx"];

/** Makes sure that nginx is there. @returns whether it is */
export function setUpNginx() {
  const found = places.find((path) => existsSync(path));
  if (found !== undefined) {
    console.log(`web server for the tests: ${found}`);
    return true;
  }
  const isRoot = process.getuid?.() === 0;
  if (isRoot && existsSync("/usr/bin/apt-get")) {
    console.log("web server for the tests: apt-get install nginx-light");
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    spawnSync("apt-get", ["update", "-qq"], { stdio: "ignore", env });
    // A package that starts a service of its own is not wanted: the tests start theirs.
    const words = ["install", "-y", "-qq", "--no-install-recommends", "nginx-light"];
    spawnSync("apt-get", words, { stdio: ["ignore", "ignore", "inherit"], env });
  }
  if (places.some((path) => existsSync(path))) return true;
  console.error(
    "The tests of http:// need nginx: install it (Debian: apt-get install nginx-light) and run this again.",
  );
  return false;
}
