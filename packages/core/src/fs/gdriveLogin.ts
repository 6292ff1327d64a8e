import { createHash, randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfigError, StorageError } from "../base/errors.ts";
import { askForToken, type TokenAsker, tokenOf } from "./oauthToken.ts";
import type { OpenOptions } from "./openOptions.ts";

const AUTH_URL = "https://accounts.google.com/o/oauth2/v2/auth";
/** How long the user may take. */
const LIMIT_MS = 5 * 60_000;

/** What a log-in needs. */
export interface BrowserLogin {
  readonly client: { readonly id: string; readonly secret: string };
  readonly scope: string;
  readonly tokenUrl: string;
  readonly askVisit: OpenOptions["askVisit"];
}

/**
 * Lets the user log in with a browser of this machine, which Google then sends to a port of ours (RFC 8252, with PKCE).
 * @returns the refresh token
 * @throws {ConfigError} when nobody can be asked; {StorageError} code "auth" when the user or Google refuses
 */
export async function logInByBrowser(login: BrowserLogin, asker: TokenAsker): Promise<string> {
  const { client, scope, tokenUrl, askVisit } = login;
  const state = randomBytes(16).toString("base64url");
  const verifier = randomBytes(32).toString("base64url");
  const server = createServer();
  await new Promise<void>((done, failed) => server.once("error", failed).listen(0, "127.0.0.1", done));
  const redirect = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
  try {
    const query = new URLSearchParams({
      client_id: client.id,
      redirect_uri: redirect,
      response_type: "code",
      scope,
      state,
      access_type: "offline",
      prompt: "consent",
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
    });
    const code = codeFrom(server, state);
    code.catch(() => undefined);
    if ((await askVisit?.(`${AUTH_URL}?${query.toString()}`)) !== true) {
      throw new ConfigError("somebody has to log in to Google Drive, and nobody can be asked", {
        hint: "Run a command on a terminal of this machine once, set GDRIVE_CREDENTIALS_DATA, or use a service account.",
      });
    }
    const form = {
      grant_type: "authorization_code",
      code: await code,
      redirect_uri: redirect,
      client_id: client.id,
      client_secret: client.secret,
      code_verifier: verifier,
    };
    const answer = await askForToken(asker, { url: tokenUrl, form });
    tokenOf(asker, tokenUrl, answer);
    const refresh = answer.said["refresh_token"];
    if (typeof refresh === "string") return refresh;
    throw refused("Google gave no token that lasts");
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** The code that the browser brings. Requests without our `state` are not from Google and are told nothing. */
function codeFrom(server: Server, state: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(refused("nobody logged in within five minutes"));
    }, LIMIT_MS);
    server.once("close", () => {
      clearTimeout(timer);
    });
    server.on("request", (request, response) => {
      const said = new URL(request.url ?? "/", "http://127.0.0.1").searchParams;
      const isOurs = request.method === "GET" && said.get("state") === state;
      response.writeHead(isOurs ? 200 : 404, { "content-type": "text/plain; charset=utf-8", connection: "close" });
      response.end(isOurs ? "You may close this window and go back to the terminal.\n" : "");
      if (!isOurs) return;
      const code = said.get("code");
      if (code !== null) resolve(code);
      else reject(refused(`the log-in was refused (${(said.get("error") ?? "no reason").slice(0, 100)})`));
    });
  });
}

function refused(message: string): StorageError {
  return new StorageError(message, { protocol: "gdrive", path: AUTH_URL, code: "auth" });
}
