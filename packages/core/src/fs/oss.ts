import { ConfigError } from "../base/errors.ts";
import type { OpenedStorage, OpenOptions } from "./openOptions.ts";
import { OssClient } from "./ossClient.ts";
import { ossSettings } from "./ossSettings.ts";
import { S3FileSystem } from "./s3.ts";
import type { ObjectSettings } from "./s3Settings.ts";

/** How objects are sent: large ones in parts, as to S3. */
const SENDING: ObjectSettings = {
  writeHeaders: { "content-type": "application/octet-stream" },
  customerHeaders: {},
  multipartThreshold: 8 << 20,
  multipartChunk: 8 << 20,
};

/** Opens `oss://bucket/prefix` (Aliyun). @throws {ConfigError} for a bad URL or option. */
export function openOss(url: string, options: OpenOptions): Promise<OpenedStorage> {
  return Promise.resolve().then(() => {
    const [, bucket, prefix = ""] = /^oss:\/\/([a-z0-9][a-z0-9-]*)(?:\/([^?#]*))?$/i.exec(url) ?? [];
    if (bucket === undefined)
      throw new ConfigError(`'${url}' is not an OSS URL`, { hint: "It looks like oss://bucket/prefix." });
    const root = prefix === "" ? bucket : `${bucket}/${prefix.replace(/\/+$/, "")}`;
    return { fs: new S3FileSystem(SENDING, new OssClient(ossSettings(options))), root };
  });
}
