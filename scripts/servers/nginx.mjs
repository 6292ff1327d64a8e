// nginx for the tests of http://.
import { setUpByApt } from "./byApt.mjs";

const places = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/bin/nginx", "/opt/homebrew/bin/nginx"];

/** Makes sure that nginx is there. @returns whether it is */
export function setUpNginx() {
  return setUpByApt({ what: "web server", scheme: "http://", program: "nginx", packageName: "nginx-light", places });
}
