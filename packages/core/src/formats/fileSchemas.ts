import {
  allOf,
  anyOf,
  equals,
  isAnything,
  isBoolean,
  isInteger,
  isList,
  isMapping,
  isNull,
  isText,
  fileListOf,
  listOf,
  mappingOf,
  matches,
} from "./schema.ts";
import type { Check } from "./schema.ts";
import { isRecord } from "./pyValues.ts";

const CHECKSUM = matches(
  (value) =>
    value === null ||
    value === "" ||
    (typeof value === "string" && value.length >= 3) ||
    ((typeof value === "number" || typeof value === "bigint") && String(value).length >= 3) ||
    typeof value === "boolean",
);

const CHECKSUMS: Readonly<Record<string, Check>> = { md5: CHECKSUM, checksum: CHECKSUM, etag: CHECKSUM };
const META: Readonly<Record<string, Check>> = {
  size: isInteger,
  nfiles: isInteger,
  isexec: isBoolean,
  version_id: isText,
};
const CLOUD = allOf([
  mappingOf({ rest: mappingOf({ keys: { ...META, ...CHECKSUMS } }) }),
  matches((value) => isRecord(value) && Object.keys(value).length <= 1, "length of value must be at most 1"),
]);
const ANNOTATION: Readonly<Record<string, Check>> = {
  desc: isText,
  type: isText,
  labels: listOf(isText),
  meta: isAnything,
};
const ENTRY: Readonly<Record<string, Check>> = {
  ...CHECKSUMS,
  ...META,
  path: isText,
  persist: isBoolean,
  cloud: CLOUD,
  hash: isText,
};
const FILE_ENTRY = mappingOf({ keys: { ...CHECKSUMS, ...META, relpath: isText, cloud: CLOUD }, required: ["relpath"] });
const OUTPUT = mappingOf({
  keys: {
    ...ENTRY,
    ...ANNOTATION,
    cache: isBoolean,
    remote: isText,
    push: isBoolean,
    files: fileListOf(FILE_ENTRY),
    fs_config: isMapping,
  },
});
const REPO = mappingOf({
  keys: {
    url: isText,
    rev: isText,
    rev_lock: isText,
    config: anyOf([isText, isMapping]),
    remote: anyOf([isText, isMapping]),
  },
  required: ["url"],
});
const DB = mappingOf({ keys: { query: isText, connection: isText, file_format: isText, table: isText } });
const DEPENDENCY = mappingOf({
  keys: { ...ENTRY, repo: REPO, db: DB, files: fileListOf(FILE_ENTRY), fs_config: isMapping },
});

/** A `.dvc` file. */
export const SINGLE_STAGE: Check = mappingOf({
  keys: {
    md5: CHECKSUM,
    wdir: anyOf([isText, isNull]),
    deps: anyOf([listOf(DEPENDENCY), isNull]),
    outs: anyOf([listOf(OUTPUT), isNull]),
    locked: isBoolean,
    frozen: isBoolean,
    meta: isAnything,
    always_changed: isBoolean,
    desc: isText,
  },
});

const LOCK_ENTRY = mappingOf({
  keys: {
    ...CHECKSUMS,
    ...META,
    path: isText,
    cloud: CLOUD,
    files: fileListOf(FILE_ENTRY),
    hash: isText,
    dataset: isMapping,
  },
  required: ["path"],
});

/** `dvc.lock`. */
export const LOCKFILE: Check = mappingOf({
  keys: {
    schema: equals("2.0", "invalid schema version"),
    datasets: isAnything,
    stages: mappingOf({
      rest: mappingOf({
        keys: {
          cmd: anyOf([isText, isList]),
          deps: listOf(LOCK_ENTRY),
          params: mappingOf({ rest: mappingOf({ rest: isAnything }) }),
          outs: listOf(LOCK_ENTRY),
        },
        required: ["cmd"],
      }),
    }),
  },
  required: ["schema"],
});

const OUT_FLAGS: Readonly<Record<string, Check>> = {
  ...ANNOTATION,
  cache: isBoolean,
  persist: isBoolean,
  checkpoint: isBoolean,
  remote: isText,
  push: isBoolean,
};
const STAGE_OUT = anyOf([isText, mappingOf({ rest: mappingOf({ keys: OUT_FLAGS }) })]);
const PLOT_FLAGS = mappingOf({
  keys: {
    ...OUT_FLAGS,
    template: isText,
    x: isText,
    y: isText,
    x_label: isText,
    y_label: isText,
    title: isText,
    header: isBoolean,
  },
});
const STAGE_PLOT = anyOf([isText, mappingOf({ rest: anyOf([PLOT_FLAGS, listOf(PLOT_FLAGS)]) })]);
const VARS = listOf(isText, isMapping);
const STAGE = mappingOf({
  keys: {
    matrix: mappingOf({ rest: anyOf([isText, isList]) }),
    cmd: anyOf([isText, isList]),
    wdir: isText,
    deps: listOf(isText),
    params: listOf(anyOf([isText, isMapping])),
    vars: VARS,
    frozen: isBoolean,
    meta: isAnything,
    desc: isText,
    always_changed: isBoolean,
    outs: listOf(STAGE_OUT),
    metrics: listOf(STAGE_OUT),
    plots: listOf(STAGE_PLOT),
  },
  required: ["cmd"],
});
const FOREACH = mappingOf({
  keys: { foreach: anyOf([isMapping, isList, isText]), do: STAGE },
  required: ["foreach", "do"],
});
const STAGE_OR_FOREACH: Check = (value, path) =>
  isRecord(value) && (Object.hasOwn(value, "foreach") || Object.hasOwn(value, "do"))
    ? FOREACH(value, path)
    : STAGE(value, path);
const TEXT_LIST = listOf(isText);
const PLOT = mappingOf({
  keys: {
    x: anyOf([isText, mappingOf({ rest: isText })]),
    y: anyOf([isText, TEXT_LIST, mappingOf({ rest: anyOf([isText, TEXT_LIST]) })]),
    x_label: isText,
    y_label: isText,
    title: isText,
    template: isText,
  },
});

/** `dvc.yaml`, before templates are resolved. */
export const PROJECT: Check = mappingOf({
  keys: {
    datasets: isAnything,
    plots: listOf(isText, mappingOf({ rest: anyOf([PLOT, isNull]) })),
    stages: mappingOf({ rest: STAGE_OR_FOREACH }),
    vars: VARS,
    params: TEXT_LIST,
    metrics: TEXT_LIST,
    artifacts: mappingOf({ rest: mappingOf({ keys: { path: isText, ...ANNOTATION }, required: ["path"] }) }),
  },
});
