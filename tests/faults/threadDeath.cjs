"use strict";
// Loaded before the program by `addStore.test.ts`: ends it, or one of its threads, in the middle of something.
const fs = require("node:fs");
const { isMainThread } = require("node:worker_threads");

const [what, nth] = (process.env.HOLDFAST_FAULT ?? "").split(" ");
let left = Number(nth);

if (what === "thread" && !isMainThread) {
  const openSync = fs.openSync;
  fs.openSync = (path, flags, ...rest) => {
    const fd = openSync(path, flags, ...rest);
    // The file is there and empty when its thread ends.
    if (flags === "wx" && --left === 0) {
      fs.writeFileSync(process.env.HOLDFAST_DIED, "");
      process.exit(1);
    }
    return fd;
  };
}
/** Names that something gets once it is on disk: an object or a folder of them; a manifest. */
const names = {
  rename: /[\\/]files[\\/]md5[\\/][0-9a-f]{2}([\\/][0-9a-f]{30})?$/,
  manifest: /[0-9a-f]{30}\.dir$/,
};
const newName = names[what];
if (newName !== undefined && isMainThread) {
  const renameSync = fs.renameSync;
  fs.renameSync = (from, to) => {
    if (newName.test(to) && --left === 0) process.kill(process.pid, "SIGKILL");
    renameSync(from, to);
  };
}
