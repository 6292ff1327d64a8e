// Apache with mod_dav for the tests of webdav://.
import { setUpByApt } from "./byApt.mjs";

const places = ["/usr/sbin/apache2", "/usr/sbin/httpd", "/usr/local/sbin/httpd"];

/** Makes sure that Apache is there. @returns whether it is */
export function setUpApache() {
  return setUpByApt({
    what: "WebDAV server",
    scheme: "webdav://",
    program: "Apache",
    packageName: "apache2-bin",
    places,
  });
}
