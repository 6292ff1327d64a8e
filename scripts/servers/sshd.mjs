// OpenSSH's server for the tests of ssh://.
import { setUpByApt } from "./byApt.mjs";

const places = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"];

/** Makes sure that sshd is there. @returns whether it is */
export function setUpSshd() {
  const program = "OpenSSH's server";
  return setUpByApt({ what: "SSH server", scheme: "ssh://", program, packageName: "openssh-server", places });
}
