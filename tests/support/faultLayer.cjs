"use strict";
// Loaded before the program (`node --require`), in each of its threads: numbers every step that changes a disk, and every look at
// one, and lets one of them go wrong. HOLDFAST_FAULT is JSON, see `Fault` in `faultRun.ts`. Steps are numbered over all threads; each is a line of `log`.
const fs = require("node:fs");
const childProcess = require("node:child_process");
const { basename } = require("node:path");
const { syncBuiltinESMExports } = require("node:module");
const threads = require("node:worker_threads");

const fault = JSON.parse(process.env.HOLDFAST_FAULT);
const original = { ...fs };
const KEY = "holdfast-fault";
if (threads.isMainThread) threads.setEnvironmentData(KEY, new SharedArrayBuffer(12));
/** [steps begun, whether the fault has happened, looks] */
const shared = new Int32Array(threads.getEnvironmentData(KEY));
const log = original.openSync(fault.log, "a");
let inner = 0;

const NO_ROOM = new Set(["open", "write", "mkdir", "rename", "link", "symlink", "copy", "truncate", "fsync"]);
/** Which steps an error can happen to, and whether it stays from then on. */
const ERRORS = {
  ENOSPC: { steps: NO_ROOM, stays: true, says: "no space left on device" },
  EROFS: { steps: new Set([...NO_ROOM, "unlink", "chmod", "times"]), stays: true, says: "read-only file system" },
  EIO: { steps: new Set([...NO_ROOM, "unlink", "chmod", "times"]), stays: false, says: "i/o error" },
  EACCES: {
    steps: new Set(["open", "mkdir", "rename", "link", "symlink", "copy", "unlink", "chmod"]),
    stays: false,
    says: "permission denied",
  },
  EMFILE: { steps: new Set(["open", "copy"]), stays: false, says: "too many open files" },
  EXDEV: { steps: new Set(["rename"]), stays: false, says: "cross-device link not permitted" },
};

function say(line) {
  original.writeSync(log, `${line}\n`);
}

function die() {
  original.writeSync(log, "killed\n");
  process.kill(process.pid, "SIGKILL");
  // Nothing of this thread happens any more.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function failure(step, path, code = fault.code) {
  const kind = ERRORS[code];
  const error = new Error(`${code}: ${kind.says}, ${step} '${String(path)}'`);
  return Object.assign(error, {
    code,
    syscall: step,
    path: String(path),
    errno: -require("node:os").constants.errno[code],
  });
}

/** Counts a look at something of the sandbox. @throws the fault, if it happens to this one */
function look(call, path) {
  if (inner > 0 || typeof path !== "string" || !path.startsWith(fault.root)) return;
  if (fault.kind === "look" && fault.path !== undefined && path !== fault.path) return;
  const nth = Atomics.add(shared, 2, 1) + 1;
  if (fault.kind !== "look") return;
  if (nth !== fault.at) return;
  say(`failed ${call} ${JSON.stringify(path)}`);
  throw failure(call, path, "EIO");
}

/** Puts a link in the place of a folder, as somebody else might at any moment. */
function swapFolder() {
  const stat = original.lstatSync(fault.path, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) return;
  original.renameSync(fault.path, `${fault.path}.was`);
  original.symlinkSync(fault.target, fault.path);
  say("swapped");
}

const inodeOf = (stat) => `${stat.dev}:${stat.ino}`;

/** Before the first step after a flush: what a disk holds that got nothing since. */
function keepDisk() {
  if (fault.undo !== true || Atomics.load(shared, 1) === 1) return;
  Atomics.store(shared, 1, 1);
  const run = childProcess.spawnSync.original ?? childProcess.spawnSync;
  run("rm", ["-rf", fault.shadow]);
  original.copyFileSync(fault.log, `${fault.log}.kept`);
  run("cp", ["-a", fault.root, fault.shadow]);
  const found = run("find", [fault.root, "-type", "f", "-printf", "%D:%i %P\\n"], { encoding: "utf8" });
  original.writeFileSync(`${fault.log}.files`, found.stdout);
}

/** Begins a step. @returns "half" when the write is to be cut. @throws the fault, if it is an error */
function begin(step, path, size) {
  const nth = Atomics.add(shared, 0, 1) + 1;
  if (fault.kind === "power") keepDisk();
  say(`${nth} ${step} ${JSON.stringify(String(path))}`);
  if (nth < fault.at) return undefined;
  if (fault.kind === "kill" || fault.kind === "power") die();
  if (fault.kind === "signal" && nth === fault.at) {
    say("signalled");
    process.kill(process.pid, fault.signal);
  }
  if (fault.kind === "swap" && nth === fault.at) swapFolder();
  if (fault.kind === "half" && step === "write" && size > 1) return "half";
  if (fault.kind === "error" && ERRORS[fault.code].steps.has(step)) {
    const isFirst = Atomics.compareExchange(shared, 1, 0, 1) === 0;
    if (isFirst || ERRORS[fault.code].stays) {
      if (isFirst) say("failed");
      throw failure(step, path);
    }
  }
  return undefined;
}

const dirty = (stat) => {
  if (fault.kind === "power") say(`dirty ${inodeOf(stat)}`);
};
/** Files that are open for appending: what was flushed of them stays whatever comes after it. */
const appending = new Set();
const written = (fd) => {
  if (!appending.has(fd)) dirty(original.fstatSync(fd));
  else if (fault.kind === "power") say(`grown ${inodeOf(original.fstatSync(fd))}`);
};
const flushed = (fd) => {
  const stat = original.fstatSync(fd);
  clean(`${inodeOf(stat)} ${String(stat.size)}`);
};
const clean = (what) => {
  if (fault.kind !== "power") return;
  say(`clean ${what}`);
  Atomics.store(shared, 1, 0);
};

const WRITING = original.constants.O_WRONLY | original.constants.O_RDWR | original.constants.O_CREAT;
const isWriting = (flags) => (typeof flags === "number" ? (flags & WRITING) !== 0 : /[wa+]/.test(flags ?? "r"));
const half = (bytes) => bytes.slice(0, Math.floor(bytes.length / 2));

/** The part of a writing call's arguments that is written, and the call with half of it. */
function writeOf(args) {
  const [fd, bytes, second, length, position] = args;
  if (typeof bytes === "string") return { size: bytes.length, cut: [fd, half(bytes)] };
  const offset = typeof second === "number" ? second : (second?.offset ?? 0);
  const size = (typeof second === "number" ? length : second?.length) ?? bytes.byteLength - offset;
  return { size, cut: [fd, bytes, offset, Math.floor(size / 2), position] };
}

/** name -> how one call is a step */
const calls = {
  open: {
    step: "open",
    counts: ([, flags]) => isWriting(flags),
    after: (fd, [, flags]) => {
      const adds = typeof flags === "string" && flags.includes("a");
      appending[adds ? "add" : "delete"](fd);
      if (!adds || fault.kind !== "power") return;
      const stat = original.fstatSync(fd);
      say(`had ${inodeOf(stat)} ${String(stat.size)}`);
    },
  },
  write: {
    step: "write",
    // What is said is no disk.
    counts: ([fd]) => fd > 2,
    size: (args) => writeOf(args).size,
    cut: (args, run) => run(...writeOf(args).cut),
    after: (_, [fd]) => written(fd),
  },
  writev: { step: "write", counts: ([fd]) => fd > 2, after: (_, [fd]) => written(fd) },
  writeFile: {
    step: "write",
    size: ([, bytes]) => bytes.length,
    cut: ([path, bytes, ...rest], run) => run(path, half(bytes), ...rest),
    after: (_, [path]) => dirty(typeof path === "number" ? original.fstatSync(path) : original.statSync(path)),
  },
  ftruncate: { step: "truncate", after: (_, [fd]) => dirty(original.fstatSync(fd)) },
  copyFile: { step: "copy", of: 1, after: (_, [, to]) => dirty(original.statSync(to)) },
  fsync: { step: "fsync", after: (_, [fd]) => flushed(fd) },
  rename: { step: "rename", of: 1 },
  link: { step: "link", of: 1 },
  symlink: { step: "symlink", of: 1 },
  unlink: { step: "unlink" },
  mkdir: { step: "mkdir" },
  chmod: { step: "chmod" },
  utimes: { step: "times" },
};
Object.assign(calls, {
  appendFile: calls.writeFile,
  fdatasync: calls.fsync,
  rm: calls.unlink,
  rmdir: calls.unlink,
  truncate: { step: "truncate", after: (_, [path]) => dirty(original.statSync(path)) },
  cp: { step: "copy", of: 1 },
  mkdtemp: calls.mkdir,
  fchmod: calls.chmod,
  futimes: calls.utimes,
  lutimes: calls.utimes,
});

function before(call, args, run) {
  if (begin(call.step, args[call.of ?? 0], call.size?.(args) ?? 0) !== "half") return;
  call.cut(args, run);
  die();
}

function sync(call, run) {
  return (...args) => {
    if (inner > 0 || call.counts?.(args) === false) return run(...args);
    inner++;
    try {
      before(call, args, run);
      const result = run(...args);
      call.after?.(result, args);
      return result;
    } finally {
      inner--;
    }
  };
}

function callback(call, run) {
  return (...args) => {
    if (call.counts?.(args) === false) return run(...args);
    const done = args.pop();
    try {
      before(call, args, () => undefined);
    } catch (error) {
      process.nextTick(done, error);
      return;
    }
    run(...args, (error, ...results) => {
      if (!error) call.after?.(results[0], args);
      done(error, ...results);
    });
  };
}

function promise(call, run) {
  return async (...args) => {
    if (call.counts?.(args) === false) return run(...args);
    before(call, args, () => undefined);
    const result = await run(...args);
    if (call.step !== "open") call.after?.(result, args);
    else patchHandle(result);
    return result;
  };
}

let isHandlePatched = false;
/** Files opened by promises write by methods. */
function patchHandle(handle) {
  if (isHandlePatched) return;
  isHandlePatched = true;
  const proto = Object.getPrototypeOf(handle);
  const methods = {
    write: calls.write,
    writev: calls.writev,
    writeFile: calls.write,
    sync: calls.fsync,
    datasync: calls.fsync,
    truncate: calls.ftruncate,
  };
  for (const [name, call] of Object.entries(methods)) {
    const run = proto[name];
    if (typeof run !== "function") continue;
    proto[name] = async function (...args) {
      before(call, [this.fd, ...args], () => undefined);
      const result = await run.apply(this, args);
      call.after?.(result, [this.fd, ...args]);
      return result;
    };
  }
}

for (const [name, call] of Object.entries(calls)) {
  const run = original[`${name}Sync`];
  if (run !== undefined) fs[`${name}Sync`] = sync(call, run);
  const own = original.promises[name];
  if (own !== undefined) fs.promises[name] = promise(call, own);
}
for (const name of ["stat", "lstat", "readdir", "readFile"]) {
  const run = fs[`${name}Sync`];
  fs[`${name}Sync`] = (path, ...rest) => {
    look(name, path);
    return run(path, ...rest);
  };
}
/** This one tells nobody that it could not look. */
fs.existsSync = (path) => {
  try {
    look("access", path);
  } catch {
    return false;
  }
  return original.existsSync(path);
};
process.on("exit", () => say(`looks ${String(Atomics.load(shared, 2))}`));
for (const name of ["fsync", "fdatasync"]) fs[name] = callback(calls.fsync, original[name]);
for (const name of ["write", "writev"]) fs[name] = callback(calls[name], original[name]);

const { spawn, spawnSync } = childProcess;
/** The arguments to go on with. */
function beginProgram([program, ...rest]) {
  const isSync = program === "sync";
  try {
    begin(isSync ? "fsync" : "run", basename(program));
  } catch {
    return ["false", [], rest.find((one) => !Array.isArray(one))];
  }
  return [program, ...rest];
}
childProcess.spawnSync = (...args) => {
  const result = spawnSync(...beginProgram(args));
  if (args[0] === "sync" && result.status === 0) clean("all");
  return result;
};
childProcess.spawnSync.original = spawnSync;
childProcess.spawn = (...args) => {
  const child = spawn(...beginProgram(args));
  if (args[0] === "sync") child.once("exit", (code) => code === 0 && clean("all"));
  return child;
};
syncBuiltinESMExports();
