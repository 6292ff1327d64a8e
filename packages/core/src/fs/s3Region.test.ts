import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { S3Client } from "./s3Client.ts";
import { s3Settings } from "./s3Settings.ts";

interface Asked {
  readonly method: string;
  readonly url: string;
  /** The region that the signature names. */
  readonly region: string;
}

interface Said {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

let server: Server | undefined;
let client: S3Client | undefined;
afterEach(() => {
  client?.close();
  server?.close();
  server?.closeAllConnections();
});

/** A client of Amazon's hosts, with all of them played by `play` (as a proxy, so that their names are kept). */
async function amazon(
  play: (asked: Asked) => Said,
  values: Record<string, string> = {},
  env: Record<string, string> = {},
): Promise<{ client: S3Client; asked: string[] }> {
  const asked: string[] = [];
  server = createServer(({ method = "", url = "", headers }, answer) => {
    const region = headers.authorization?.split("/")[2] ?? "";
    asked.push(`${method} ${url} ${region}`);
    const said = play({ method, url, region });
    answer.writeHead(said.status, said.headers).end(method === "HEAD" ? undefined : said.body);
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const keys = { access_key_id: "k", secret_access_key: "s" };
  const settings = s3Settings({
    values: { use_ssl: "false", ...keys, ...values },
    env: { http_proxy: `http://127.0.0.1:${String(port)}`, AWS_MAX_ATTEMPTS: "1", ...env },
    home: "/nonexistent",
  });
  client = new S3Client(settings);
  return { client, asked };
}

const GET = { method: "GET", bucket: "pail", key: "k" } as const;
/** A bucket of eu-west-3; other regions send away, in Amazon's words. */
const inParis = ({ url, region, method }: Asked): Said => {
  const headers = { "x-amz-bucket-region": "eu-west-3" };
  if (url.includes(".eu-west-3.") && region === "eu-west-3") return { status: 200, headers, body: "bytes" };
  const body = "<Error><Code>PermanentRedirect</Code></Error>";
  return { status: 301, body, ...(method === "HEAD" && url.endsWith("/k") ? {} : { headers }) };
};
const HEAD_US = "HEAD http://pail.s3.us-east-1.amazonaws.com/ us-east-1";
const GET_US = "GET http://pail.s3.us-east-1.amazonaws.com/k us-east-1";
const GET_EU = "GET http://pail.s3.eu-west-3.amazonaws.com/k eu-west-3";

describe("a bucket's region", () => {
  it("is asked for once when none is set, however many requests begin together", async () => {
    const { client, asked } = await amazon(inParis);
    const answers = await Promise.all([client.send(GET), client.send(GET), client.send(GET)]);
    expect(answers.map(({ body }) => body.toString())).toEqual(["bytes", "bytes", "bytes"]);
    expect(asked).toEqual([HEAD_US, GET_EU, GET_EU, GET_EU]);
  });

  it.each([
    { what: "cache_regions = false", values: { cache_regions: "false" }, env: {} },
    { what: "a region in the config", values: { region: "us-east-1" }, env: {} },
    { what: "a region in the environment", values: {}, env: { AWS_REGION: "us-east-1" } },
  ])("is not asked for with $what; the redirect is followed", async ({ values, env }) => {
    const { client, asked } = await amazon(inParis, values, env);
    await client.send(GET);
    await client.send(GET);
    expect(asked).toEqual([GET_US, GET_EU, GET_EU]);
  });

  it("is asked for when a redirect does not tell it", async () => {
    const { client, asked } = await amazon(inParis, { region: "us-east-1" });
    expect((await client.send({ ...GET, method: "HEAD" })).status).toBe(200);
    expect(asked).toEqual([GET_US.replace("GET", "HEAD"), HEAD_US, GET_EU.replace("GET", "HEAD")]);
  });

  it("is found even where the bucket may not be looked at, or says nothing", async () => {
    const denied = await amazon((asked) =>
      asked.url.endsWith("/k") ? inParis(asked) : { status: 403, headers: { "x-amz-bucket-region": "eu-west-3" } },
    );
    await denied.client.send(GET);
    expect(denied.asked).toEqual([HEAD_US, GET_EU]);
    server?.close();
    const silent = await amazon(({ url }) => ({ status: url.endsWith("/k") ? 200 : 404 }));
    await silent.client.send(GET);
    await silent.client.send(GET);
    expect(silent.asked).toEqual([HEAD_US, GET_US, GET_US]);
  });

  it("that cannot be found out ends in words, not in a loop", async () => {
    const { client, asked } = await amazon(({ method }) => ({ status: 301, body: method }), { region: "eu-west-1" });
    await expect(client.send(GET)).rejects.toMatchObject({
      code: "config",
      message: "the bucket 'pail' lies in another region, or is served elsewhere (PermanentRedirect)",
    });
    expect(asked.length).toBe(2);
  });

  it("that leads from one to the next for ever ends too", async () => {
    const { client, asked } = await amazon(
      ({ region }) => ({ status: 301, headers: { "x-amz-bucket-region": region + "x" } }),
      { region: "eu-west-1" },
    );
    await expect(client.send(GET)).rejects.toMatchObject({ code: "config" });
    expect(asked.length).toBe(4);
  });

  it("is no way to another host", async () => {
    const { client, asked } = await amazon(
      () => ({ status: 301, headers: { "x-amz-bucket-region": "evil.example.com/#" } }),
      { region: "eu-west-1" },
    );
    await expect(client.send(GET)).rejects.toMatchObject({ code: "config" });
    for (const one of asked) expect(one).toContain("http://pail.s3.eu-west-1.amazonaws.com/");
  });
});
