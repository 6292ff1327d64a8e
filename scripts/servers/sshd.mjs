// OpenSSH's server for the tests of ssh://: found, or from Debian's packages as root.
import { firstThere, installByApt } from "./places.mjs";

const places = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"];

/** Makes sure that sshd is there. @returns whether it is */
export function setUpSshd() {
  if (firstThere(places) === undefined) installByApt("openssh-server");
  const found = firstThere(places);
  if (found !== undefined) console.log(`SSH server for the tests: ${found}`);
  else
    console.error(
      "The tests of ssh:// need OpenSSH's server: install it (Debian: apt-get install openssh-server) and run this again.",
    );
  return found !== undefined;
}
