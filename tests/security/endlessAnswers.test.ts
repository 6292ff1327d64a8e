import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Rig } from "../support/rig.ts";
import { CERT_FILE, tlsOptions } from "../support/tlsFiles.ts";

vi.setConfig({ testTimeout: 60_000 });

/** More than anybody collects (bytes). */
const ENDLESS = 800 << 20;
const PIECE = Buffer.alloc(1 << 20, "A");

let rig: Rig;
let sent: number;
beforeEach(() => {
  rig = new Rig().project();
  rig.write("data.dvc", `outs:\n- md5: ${"a".repeat(32)}.dir\n  hash: md5\n  path: data\n`);
  sent = 0;
});
afterEach(() => {
  rig.close();
});

/** A server that answers without an end, with this status. */
async function serve(
  status: number,
  secure: boolean,
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const answer: RequestListener = (_request, response) => {
    response.writeHead(status);
    const more = (): void => {
      while (sent < ENDLESS && !response.destroyed) {
        sent += PIECE.length;
        if (response.write(PIECE)) continue;
        response.once("drain", more);
        return;
      }
      response.end();
    };
    more();
  };
  const server = secure ? createTlsServer(tlsOptions(), answer) : createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${secure ? "https" : "http"}://127.0.0.1:${String(port)}/x`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  };
}

it.each([
  [200, false],
  [200, true],
  [400, false],
  [400, true],
] as const)("an answer without end (%d, TLS %s) is told once, and not read on", async (status, secure) => {
  const server = await serve(status, secure);
  rig.ok("remote", "add", "-q", "-d", "r", server.url);
  if (secure) rig.ok("remote", "modify", "--local", "r", "ssl_verify", CERT_FILE);
  const { code, err } = await rig.runBeside(["fetch", "data.dvc"]);
  await server.close();
  expect([code, err]).toEqual([1, expect.not.stringMatching(/unexpected error|^ {4}at /m)]);
  if (status === 200) expect(err).toContain("is too long");
  expect(sent).toBeLessThan(status === 200 ? ENDLESS : 20 << 20);
});
