import type { Protocol } from "./filesystem.ts";
import type { Opener } from "./openOptions.ts";

/**
 * Who opens which protocol; loaded when the first URL of it is. A further storage is one file and its line here.
 */
export const OPENERS: Readonly<Record<Exclude<Protocol, "memory">, () => Promise<Opener>>> = {
  local: async () => (await import("./local.ts")).openLocal,
  s3: async () => (await import("./s3.ts")).openS3,
  gs: async () => (await import("./gs.ts")).openGs,
  azure: async () => (await import("./azure.ts")).openAzure,
  ssh: async () => (await import("./ssh.ts")).openSsh,
  hdfs: async () => (await import("./hdfs.ts")).openHdfs,
  webhdfs: async () => (await import("./webhdfs.ts")).openWebHdfs,
  oss: async () => (await import("./oss.ts")).openOss,
  gdrive: async () => (await import("./gdrive.ts")).openGdrive,
  http: async () => (await import("./http.ts")).openHttp,
  https: async () => (await import("./http.ts")).openHttp,
  webdav: async () => (await import("./webdav.ts")).openWebDav,
  webdavs: async () => (await import("./webdav.ts")).openWebDav,
};
