// nginx for the tests of http://: found, or from Debian's packages as root.
import { firstThere, installByApt } from "./places.mjs";

const places = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/bin/nginx", "/opt/homebrew/bin/nginx"];

/** Makes sure that nginx is there. @returns whether it is */
export function setUpNginx() {
  if (firstThere(places) === undefined) installByApt("nginx-light");
  const found = firstThere(places);
  if (found !== undefined) console.log(`web server for the tests: ${found}`);
  else
    console.error(
      "The tests of http:// need nginx: install it (Debian: apt-get install nginx-light) and run this again.",
    );
  return found !== undefined;
}
