import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./ports.ts";
import { serving } from "./serverProcess.ts";

/** A real web server on a loopback port. */
export interface WebServer {
  readonly port: number;
  /** What it serves; below `/private/` only to user `ann` with password `secret`. */
  readonly folder: string;
  stop(): Promise<void>;
}

const PROGRAM = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/bin/nginx", "/opt/homebrew/bin/nginx"];

/** Starts nginx, which takes PUT below `/up/`. Its absence fails: tests are not skipped. */
export async function startNginx(): Promise<WebServer> {
  const program = PROGRAM.find((path) => existsSync(path));
  if (program === undefined) throw new Error("nginx is missing: node scripts/setup-test-servers.mjs");
  const home = mkdtempSync(join(tmpdir(), "hf-nginx-"));
  const folder = join(home, "www");
  for (const name of ["www", "www/up", "www/private", "tmp"]) mkdirSync(join(home, name));
  const port = await freePort();
  // {PLAIN} is nginx's word for a password that is not hashed.
  writeFileSync(join(home, "users"), "ann:{PLAIN}secret\n");
  writeFileSync(join(home, "nginx.conf"), configuration(home, port));
  const child = spawn(program, ["-p", home, "-c", join(home, "nginx.conf"), "-e", join(home, "early.log")], {
    stdio: "ignore",
  });
  const stop = await serving({ name: "nginx", child, port, home });
  return {
    port,
    folder,
    stop,
  };
}

function configuration(home: string, port: number): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${home}/tmp/${name};`)
    .join("\n  ");
  const user = process.getuid?.() === 0 ? "user root;" : "";
  return `${user}
daemon off;
worker_processes 1;
pid ${home}/nginx.pid;
error_log ${home}/error.log;
events {}
http {
  access_log off;
  ${temporary}
  client_max_body_size 0;
  server {
    listen 127.0.0.1:${String(port)};
    root ${home}/www;
    location /up/ { dav_methods PUT; create_full_put_path on; }
    location /private/ { auth_basic "private"; auth_basic_user_file ${home}/users; }
    location /moved/ { rewrite ^/moved/(.*)$ /up/$1 redirect; }
    location /round/ { return 302 /round/; }
    location /nohead/ { if ($request_method = HEAD) { return 405; } alias ${home}/www/; }
  }
}
`;
}
