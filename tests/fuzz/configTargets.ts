import { DvcError } from "../../packages/core/src/base/errors.ts";
import { checkConfig, parseConfig, serializeConfig } from "../../packages/core/src/formats/config.ts";
import { IgnorePatterns } from "../../packages/core/src/formats/ignoreFile.ts";
import { parseAwsFile } from "../../packages/core/src/fs/awsFiles.ts";
import { azureSettings } from "../../packages/core/src/fs/azureSettings.ts";
import { gsSettings } from "../../packages/core/src/fs/gsSettings.ts";
import { parseMultistatus } from "../../packages/core/src/fs/multistatus.ts";
import { protocolOf } from "../../packages/core/src/fs/open.ts";
import { s3Settings } from "../../packages/core/src/fs/s3Settings.ts";
import { xmlElements, xmlText } from "../../packages/core/src/fs/s3Xml.ts";
import { sshSettings } from "../../packages/core/src/fs/sshSettings.ts";
import { parsed, parsedLater, same } from "./check.ts";
import type { Target } from "./targets.ts";

const PATHS = ["a", "a/b", "a/b/c.txt", "ab/é/x", "x y", "-", "a.b.c/d"];

function ignore(bytes: Buffer): void {
  const text = bytes.toString("utf8");
  const rules = parsed(() => new IgnorePatterns(text, ".dvcignore"), DvcError)?.value;
  for (const path of PATHS) for (const isDir of [true, false]) rules?.match(path, isDir);
}

/** Options of a remote, as the config may give them: `name=value`, one a line, the URL first. */
async function remote(bytes: Buffer): Promise<void> {
  const [url = "", ...lines] = bytes.toString("utf8").split("\n");
  const values = Object.fromEntries(
    lines.map((line) => [line.split("=", 1)[0] ?? "", line.slice(line.indexOf("=") + 1)]),
  );
  const options = { values: { ...values, url }, env: {}, home: "/nowhere", projectRoot: "/repo" };
  parsed(() => protocolOf(url), DvcError);
  parsed(() => s3Settings(options), DvcError);
  parsed(() => gsSettings(options), DvcError);
  parsed(() => azureSettings(options), DvcError);
  await parsedLater(() => sshSettings(url, options), DvcError);
}

/** Sections without options are not written. */
function withoutEmpty(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([key, one]) => [key, withoutEmpty(one)] as const);
  return Object.fromEntries(entries.filter(([, one]) => JSON.stringify(one) !== "{}"));
}

/** Files and answers that say how to reach storages. */
export const configTargets: readonly Target[] = [
  {
    name: "config",
    seeds: [
      `[core]\n    remote = s\n['remote "s"']\n    url = s3://b/x, y\n    jobs = 4 # c\n[cache]\n    type = "hardlink,symlink"\n[feature]\n    long = """a\nb"""\n`,
    ],
    words: ["[", "]", "[[", '"""', "'''", " = ", "remote", "__proto__", ",", "#", "'remote \"x\"'"],
    run: (bytes) => {
      const value = parsed(() => parseConfig(bytes.toString("utf8"), "config"), DvcError)?.value;
      if (value === undefined) return;
      if (parsed(() => checkConfig(value), DvcError) === undefined) return;
      const written = parsed(() => serializeConfig(value), DvcError)?.value;
      if (written !== undefined) same("written and read", parseConfig(written, "config"), withoutEmpty(value));
    },
  },
  {
    name: "ignoreFile",
    seeds: ["*.txt\n!a/b\n/x\n**/y/\n[a-c]?\\*\na/**/b\n# c\n", "*a*b*c*\n"],
    words: ["**", "*/", "[!", "[^]", "\\", "!", "/", "?", "[a-", "[]]"],
    run: ignore,
  },
  {
    name: "remoteOptions",
    seeds: [
      "s3://bucket/x\nendpointurl=http://h:1\nregion=r\naccess_key_id=a\nsecret_access_key=b",
      "ssh://u:p@[::1]:22/x\nport=1\nkeyfile=k",
      "azure://c/x\nconnection_string=DefaultEndpointsProtocol=https;AccountName=a;AccountKey=Zm9v\naccount_name=a",
      "gs://b\ncredentialpath=c",
    ],
    words: [
      "%zz",
      "%",
      "@",
      "://",
      "[",
      "]",
      ":",
      "?",
      "#",
      "..",
      "account_key=",
      "sas_token=?",
      "max_sessions=",
      "timeout=1e9",
    ],
    run: remote,
  },
  {
    name: "awsFile",
    seeds: ["[default]\naws_access_key_id = a\ns3 =\n  endpoint_url = x\n[profile p]\n# c\n"],
    words: ["[", "]", "=", "\n  ", "__proto__"],
    run: (bytes) => {
      parsed(() => parseAwsFile(bytes.toString("utf8")), DvcError);
    },
  },
  {
    name: "xml",
    seeds: [
      '<?xml version="1.0"?><D:multistatus xmlns:D="DAV:"><D:response><D:href>/x/%41</D:href><D:propstat><D:prop><D:getcontentlength>3</D:getcontentlength><D:resourcetype><D:collection/></D:resourcetype></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>',
      "<Key>a&amp;&#x41;</Key>",
    ],
    words: [
      "<!DOCTYPE x [<!ENTITY a 'b'>]>",
      "&a;",
      "&#xffffffff;",
      "<![CDATA[",
      "]]>",
      "<Key>",
      "</Key>",
      "http://[",
      "%ff",
    ],
    run: (bytes) => {
      const xml = bytes.toString("utf8");
      xmlText(xml, "Key");
      xmlElements(xml, "Key");
      // Every failure is that of one answer: the caller makes a storage's error of it.
      parsed(() => parseMultistatus(xml, new URL("http://h/")), Error);
    },
  },
];
