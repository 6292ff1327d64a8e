import { execFile } from "node:child_process";
import { StorageError } from "../base/errors.ts";
import type { Token } from "./oauthToken.ts";
import { programIn } from "./programs.ts";

const LIMIT_MS = 30_000;
const MAX_ANSWER = 1 << 20;

/** Azure's CLI, if it is installed. */
export function findAzureCli(env: Readonly<Record<string, string | undefined>>): string | undefined {
  return programIn(env["PATH"], "az");
}

/** Where it runs: not in the project, which may be a stranger's. */
interface CliPlace {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

/** The token of the user who logged in by `az login`. @throws {StorageError} code "auth" with what the CLI says */
export function azureCliToken(program: string, resource: string, { env, home }: CliPlace): Promise<Token> {
  const words = ["account", "get-access-token", "--output", "json", "--resource", resource];
  return new Promise((resolve, reject) => {
    const options = { cwd: home, env, timeout: LIMIT_MS, maxBuffer: MAX_ANSWER };
    execFile(program, words, options, (failure, out, said) => {
      const token = failure === null ? tokenIn(out) : undefined;
      if (token === undefined) reject(refused(said));
      else resolve(token);
    });
  });
}

function tokenIn(text: string): Token | undefined {
  try {
    const said = JSON.parse(text) as { accessToken?: unknown; expires_on?: unknown; expiresOn?: unknown };
    if (typeof said.accessToken !== "string") return undefined;
    const ends = Number(said.expires_on);
    // Older versions tell the local time only.
    const expiresMs = Number.isFinite(ends) ? ends * 1000 : Date.parse(String(said.expiresOn));
    return { value: said.accessToken, expiresMs: Number.isNaN(expiresMs) ? Date.now() + 300_000 : expiresMs };
  } catch {
    return undefined;
  }
}

/** What went to stderr holds no token. */
function refused(said: string): StorageError {
  const words = said.trim().split("\n")[0]?.slice(0, 200) ?? "";
  return new StorageError(`Azure's CLI gives no token${words === "" ? "" : `: ${words}`}`, {
    protocol: "azure",
    path: "azure://",
    code: "auth",
    hint: "Run `az login`.",
  });
}
