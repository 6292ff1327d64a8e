import { readFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dirname, "..", "fixtures", "tls");

/** Paths of the tests' own certificate and key, for `localhost`, `127.0.0.1`, `storage.invalid` and the account of the emulator of Azure. */
export const CERT_FILE: string = join(FOLDER, "cert.pem");
export const KEY_FILE: string = join(FOLDER, "key.pem");

/** The same, read: options of a server. */
export function tlsOptions(): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(CERT_FILE), key: readFileSync(KEY_FILE) };
}
