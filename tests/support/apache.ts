import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./ports.ts";
import { serving } from "./serverProcess.ts";
import { CERT_FILE, KEY_FILE } from "./tlsFiles.ts";

/** A real WebDAV server on loopback ports. */
export interface DavServer {
  readonly port: number;
  /** Asks for a client certificate that is the tests' own. */
  readonly tlsPort: number;
  /**
   * What it serves. Below `/private/` only to user `ann` with password `secret`, below `/token/` to the bearer of
   * `good-token`, below `/header/` to who sends `X-Key: open`; below `/only-read/` nothing can be written.
   */
  readonly folder: string;
  stop(): Promise<void>;
}

const PROGRAM = ["/usr/sbin/apache2", "/usr/sbin/httpd", "/usr/local/sbin/httpd"];
const MODULES = ["/usr/lib/apache2/modules", "/usr/libexec/apache2", "/usr/lib/httpd/modules"];
const NAMES =
  "mpm_event authn_core authn_file authz_core authz_user auth_basic dav dav_fs setenvif ssl socache_shmcb".split(" ");

/** Starts Apache with mod_dav. Its absence fails: tests are not skipped. */
export async function startApache(): Promise<DavServer> {
  const program = PROGRAM.find((path) => existsSync(path));
  const modules = MODULES.find((path) => existsSync(join(path, "mod_dav_fs.so")));
  if (program === undefined || modules === undefined)
    throw new Error("Apache is missing: node scripts/setup-test-servers.mjs");
  const home = mkdtempSync(join(tmpdir(), "hf-apache-"));
  chmodSync(home, 0o755);
  const folder = join(home, "www");
  for (const name of ["www", "www/private", "www/token", "www/header", "www/only-read", "dav"]) {
    mkdirSync(join(home, name));
    // As root it serves as another user.
    chmodSync(join(home, name), name === "www/only-read" ? 0o755 : 0o777);
  }
  writeFileSync(join(home, "users"), `ann:{SHA}${createHash("sha1").update("secret").digest("base64")}\n`);
  const port = await freePort();
  const tlsPort = await freePort();
  const load = NAMES.map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`).join("\n");
  writeFileSync(join(home, "apache.conf"), `${load}\n${configuration(home, port, tlsPort)}`);
  const child = spawn(program, ["-D", "FOREGROUND", "-f", join(home, "apache.conf")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const stop = await serving({ name: "Apache", child, port, home });
  return { port, tlsPort, folder, stop };
}

function configuration(home: string, port: number, tlsPort: number): string {
  const user = process.getuid?.() === 0 ? "User nobody\nGroup nogroup" : "";
  return `${user}
ServerRoot ${home}
DefaultRuntimeDir ${home}
PidFile ${home}/pid
ErrorLog ${home}/error.log
ServerName localhost
Listen 127.0.0.1:${String(port)}
Listen 127.0.0.1:${String(tlsPort)}
DocumentRoot ${home}/www
DavLockDB ${home}/dav/lock
<Directory ${home}/www>
  Dav On
  Require all granted
</Directory>
<Location /private>
  AuthType Basic
  AuthName private
  AuthUserFile ${home}/users
  Require valid-user
</Location>
SetEnvIf Authorization "^Bearer good-token$" bearer
SetEnvIf X-Key "^open$" key
<Location /token>
  Require env bearer
</Location>
<Location /header>
  Require env key
</Location>
<VirtualHost 127.0.0.1:${String(tlsPort)}>
  SSLEngine on
  SSLCertificateFile ${CERT_FILE}
  SSLCertificateKeyFile ${KEY_FILE}
  SSLCACertificateFile ${CERT_FILE}
  SSLVerifyClient require
</VirtualHost>
`;
}
