import { ConfigError } from "../base/errors.ts";

/** An account, where its blobs are, and what opens it, as a connection string tells. */
export interface AzureConnection {
  readonly account: string;
  readonly endpoint: URL;
  readonly key: string | undefined;
  readonly sas: string | undefined;
}

/** The well-known account of the emulator: no secret. */
const EMULATOR = {
  accountname: "devstoreaccount1",
  accountkey: "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
  blobendpoint: "http://127.0.0.1:10000/devstoreaccount1",
};

/** Takes a connection string apart. Nothing of it gets into messages. @throws {ConfigError} */
export function parseConnection(text: string): AzureConnection {
  const parts = new Map<string, string>(
    text
      .split(";")
      .map((part) => part.trim())
      .filter((part) => part !== "")
      .map((part) => {
        const at = part.indexOf("=");
        if (at < 1) throw unusable("a part of it is no `Name=value`");
        return [part.slice(0, at).toLowerCase(), part.slice(at + 1)];
      }),
  );
  const given: Readonly<Record<string, string>> =
    parts.get("usedevelopmentstorage")?.toLowerCase() === "true" ? EMULATOR : Object.fromEntries(parts);
  const endpoint = endpointOf(given);
  const account = given["accountname"] ?? accountOf(endpoint);
  return { account, endpoint, key: given["accountkey"], sas: given["sharedaccesssignature"] };
}

function endpointOf(given: Readonly<Record<string, string>>): URL {
  const { blobendpoint, accountname, defaultendpointsprotocol = "https", endpointsuffix = "core.windows.net" } = given;
  if (blobendpoint === undefined && accountname === undefined)
    throw unusable("it names neither `AccountName` nor `BlobEndpoint`");
  const url = blobendpoint ?? `${defaultendpointsprotocol}://${checkAccount(accountname ?? "")}.blob.${endpointsuffix}`;
  const isHttp = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  if (!isHttp) throw unusable("its `BlobEndpoint` is no URL of http:// or https://");
  return new URL(url);
}

/** `https://ACCOUNT.blob…`, or `http://host/ACCOUNT`. */
function accountOf({ hostname, pathname }: URL): string {
  const [first = ""] = pathname.split("/").filter(Boolean);
  return first === "" ? (hostname.split(".")[0] ?? "") : first;
}

/** An account's name becomes part of a host's: nothing may stand in it that makes another host of that. @throws {ConfigError} */
export function checkAccount(name: string): string {
  if (/^[a-z0-9-]+$/i.test(name)) return name;
  throw new ConfigError(`'${name}' is no name of an Azure storage account`, {
    hint: "It has small letters and digits only.",
  });
}

function unusable(why: string): ConfigError {
  return new ConfigError(`the Azure connection string cannot be used: ${why}`, {
    hint: "Copy it whole from the account's access keys, and set it with `remote modify --local NAME connection_string …`.",
  });
}
