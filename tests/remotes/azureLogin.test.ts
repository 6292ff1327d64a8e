import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { findAzureToken } from "../../packages/core/src/fs/azureToken.ts";
import { openStorage } from "../../packages/core/src/fs/open.ts";
import { startAzureServer } from "../support/azureServer.ts";
import { startHttpProxy } from "../support/httpProxy.ts";
import { Rig } from "../support/rig.ts";
import { CERT_FILE } from "../support/tlsFiles.ts";
import { startJsonServer, type JsonServer } from "../support/jsonServer.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

let tokens: JsonServer;
afterEach(() => tokens.stop());
const ends = (): number => Math.floor(Date.now() / 1000) + 3600;
const settings = (env: Record<string, string>, more = {}) =>
  ({ principal: undefined, useEnvironment: true, useManagedIdentity: true, env, home: tmpdir(), ...more }) as const;

/** A token as Microsoft gives it, but signed by nobody: the emulator looks at the claims only. */
function jwt(): string {
  const claims = { aud: "https://storage.azure.com", iss: "https://sts.windows.net/t/", iat: ends() - 3700 };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "HS256", typ: "JWT" })}.${part({ ...claims, nbf: claims.iat, exp: ends() })}.c2ln`;
}

describe("log-ins to Azure", () => {
  it("opens an account by its name over TLS, by key and by a service principal, all through proxies", async () => {
    const server = await startAzureServer({ secure: true });
    await server.makeContainer("data");
    tokens = await startJsonServer(() => ({ json: { access_token: jwt(), expires_in: 3600, token_type: "Bearer" } }));
    const way = await startHttpProxy({ targetPort: server.port });
    const tokenWay = await startHttpProxy({ targetPort: tokens.port });
    const env = {
      NODE_EXTRA_CA_CERTS: CERT_FILE,
      https_proxy: `http://127.0.0.1:${String(way.port)}`,
      http_proxy: `http://127.0.0.1:${String(tokenWay.port)}`,
      AZURE_AUTHORITY_HOST: "http://login.invalid",
    };
    const rig = new Rig().project();
    rig.ok("remote", "add", "-d", "far", "azure://data/store");
    rig.ok("remote", "modify", "far", "account_name", server.account);
    rig.write("file", "text");
    rig.ok("add", "-q", "file");
    const key = { ...env, AZURE_STORAGE_KEY: server.key };
    const push = await rig.runBeside(["push"], { env: key });
    expect(push.out + push.err).toContain("1 file pushed");
    expect(way.seen).toContain(`CONNECT ${server.account}.blob.core.windows.net:443`);
    const options = { tenant_id: "my-tenant", client_id: "my-client", client_secret: "my secret" };
    for (const [name, value] of Object.entries(options)) rig.ok("remote", "modify", "--local", "far", name, value);
    const tested = await rig.runBeside(["remote", "test", "far", "--size", "0"], { env });
    expect(tested.out + tested.err).toContain("pull: yes   push: yes   gc -c: yes");
    expect(tested.out).toContain("service principal (the remote's option client_secret)");
    expect(tested.out + tested.err).not.toContain("my secret");
    expect(tokenWay.seen).toEqual(["POST http://login.invalid/my-tenant/oauth2/v2.0/token"]);
    expect(Object.fromEntries(tokens.asked[0]?.form ?? [])).toEqual({
      grant_type: "client_credentials",
      client_id: "my-client",
      client_secret: "my secret",
      scope: "https://storage.azure.com/.default",
    });
    rig.close();
    for (const one of [way, tokenWay, server]) await one.stop();
  }, 60_000);

  it("uses the environment's service principal, a pod's identity, an app's and the machine's, in this order", async () => {
    tokens = await startJsonServer(() => ({ json: { access_token: "t", expires_on: String(ends()) } }));
    const file = join(temporaryFolder("hf-azure-"), "token");
    writeFileSync(file, "assertion\n");
    const env: Record<string, string> = {
      AZURE_AUTHORITY_HOST: tokens.url,
      AZURE_TENANT_ID: "ten",
      AZURE_CLIENT_ID: "cli",
      AZURE_CLIENT_SECRET: "sec",
      AZURE_FEDERATED_TOKEN_FILE: file,
      IDENTITY_ENDPOINT: `${tokens.url}/msi/token`,
      IDENTITY_HEADER: "head",
      AZURE_POD_IDENTITY_AUTHORITY_HOST: tokens.url,
    };
    const use = async (without: string[], more = {}): Promise<string> => {
      for (const name of without) delete env[name];
      const source = await findAzureToken(settings(env, more));
      expect((await source.get()).value).toBe("t");
      return source.facts.credentials;
    };
    expect(await use([])).toBe("service principal (environment (AZURE_CLIENT_SECRET))");
    expect(await use([], { useEnvironment: false })).toBe(`workload identity (${file})`);
    expect(tokens.asked.at(-1)?.form.get("client_assertion")).toBe("assertion");
    expect(await use(["AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"])).toBe("this app's identity");
    expect(tokens.asked.at(-1)).toMatchObject({
      path: "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fstorage.azure.com&client_id=cli",
      headers: { "x-identity-header": "head" },
    });
    expect(await use(["IDENTITY_ENDPOINT", "AZURE_CLIENT_ID"])).toBe("this machine's identity");
    expect(tokens.asked.at(-1)).toMatchObject({
      path: "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fstorage.azure.com",
      headers: { metadata: "true" },
    });
  });

  it("asks Azure's CLI, and says what to do when nobody is logged in", async () => {
    tokens = await startJsonServer(() => ({ status: 400, json: { error: "invalid_client" } }));
    const folder = temporaryFolder("hf-azure-");
    const program = join(folder, "az");
    const az = (text: string): void => {
      writeFileSync(program, `#!/bin/sh\n${text}\n`);
      chmodSync(program, 0o755);
    };
    az(`[ "$4" = json ] && echo '{"accessToken": "of the user", "expires_on": ${String(ends())}}'`);
    const none = { useManagedIdentity: false };
    const source = await findAzureToken(settings({ PATH: `.:${folder}` }, none));
    expect(source.facts.credentials).toBe(`Azure's CLI (${program})`);
    expect(await source.get()).toEqual({ value: "of the user", expiresMs: expect.any(Number) as number });
    az(`echo "Please run 'az login' to setup account." >&2; exit 1`);
    await expect(source.get()).rejects.toMatchObject({ code: "auth", hint: "Run `az login`." });
    await expect(findAzureToken(settings({ PATH: "." }, none))).rejects.toMatchObject({ code: "auth" });
    const principal = { tenant: "t", client: "c", secret: "hidden", by: "x" };
    const refused = await findAzureToken(settings({ AZURE_AUTHORITY_HOST: tokens.url }, { principal }));
    const error: unknown = await refused.get().catch((one: unknown) => one);
    expect(String(error)).toContain("(invalid_client)");
    expect(String(error)).not.toContain("hidden");
    await expect(findAzureToken(settings({}, { principal: { ...principal, tenant: "a/b" } }))).rejects.toThrow(
      "tenant",
    );
  });

  it("finds what Azure's CLI has in its config, after options and environment", async () => {
    tokens = await startJsonServer(() => ({ json: {} }));
    const home = temporaryFolder("hf-azure-");
    mkdirSync(join(home, ".azure"));
    writeFileSync(join(home, ".azure", "config"), "[storage]\naccount = filed\nkey = c2VjcmV0\ncontainer_name = box\n");
    const access = async (values: Record<string, string>, env: Record<string, string>): Promise<unknown> => {
      const { fs, root } = await openStorage("azure://", { values, env, home });
      return { root, ...(await fs.access?.()) };
    };
    expect(await access({}, {})).toMatchObject({
      root: "box",
      credentials: `account key ('key' in ${join(home, ".azure", "config")})`,
      endpoint: "https://filed.blob.core.windows.net",
    });
    expect(await access({}, { AZURE_STORAGE_ACCOUNT: "fromenv", AZURE_STORAGE_KEY: "a2V5" })).toMatchObject({
      identity: "account fromenv",
      credentials: "account key (environment (AZURE_STORAGE_KEY))",
    });
    const values = { account_name: "given", sas_token: "?sv=1&sig=a%3D", allow_anonymous_login: "true" };
    const other = { AZURE_CONFIG_DIR: "/nonexistent", AZURE_STORAGE_CONTAINER_NAME: "c" };
    expect(await access(values, other)).toMatchObject({ credentials: "SAS token (the remote's option sas_token)" });
    expect(await access({ ...values, sas_token: "" }, other)).toMatchObject({
      credentials: "none (allow_anonymous_login)",
    });
  });
});
