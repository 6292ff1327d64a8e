/** What a tag of a model registry (GTO) says: `name@v1.2.3` registers a version, `name#prod` assigns a stage. */
export interface ArtifactTag {
  /** `folder:name`, or the bare name in the top folder. */
  readonly name: string;
  readonly version: string | undefined;
  readonly stage: string | undefined;
  /** A `!`: the version is deregistered, or the stage unassigned. */
  readonly isTakenBack: boolean;
}

const NAME = "[a-zA-Z0-9](?:[a-zA-Z0-9-/_]*[a-zA-Z0-9])?";
const FOLDER = "[a-zA-Z0-9-_./]+";
const IDENTIFIER = "(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)";
const SEMVER = `(?:0|[1-9]\\d*)\\.(?:0|[1-9]\\d*)\\.(?:0|[1-9]\\d*)(?:-${IDENTIFIER}(?:\\.${IDENTIFIER})*)?(?:\\+[0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*)?`;
const TAG = new RegExp(
  `^((?:${FOLDER}=)?${NAME})(?:(?:#(${NAME})|@(v${SEMVER}))(!?)|@(?:deprecated|created))(?:#[0-9]+)?$`,
);
const ARTIFACT = new RegExp(`^(?:(${FOLDER}):)?(${NAME})$`);
/** Longer names (letters) are none: the patterns look back. */
const MAX_NAME = 1024;

/** Reads the name of a tag; undefined when it is none of a registry. */
export function parseArtifactTag(tag: string): ArtifactTag | undefined {
  const match = tag.length > MAX_NAME ? null : TAG.exec(tag);
  if (match === null) return undefined;
  const [, name = "", stage, version, cancel] = match;
  return { name: name.replaceAll("=", ":"), version, stage, isTakenBack: cancel === "!" };
}

/** Where an artifact is defined: `folder` is "" at the top. */
export interface ArtifactName {
  readonly folder: string;
  readonly name: string;
}

/** Reads `name`, `folder:name` or `folder/dvc.yaml:name`; undefined for anything else. */
export function parseArtifactName(text: string): ArtifactName | undefined {
  const match = text.length > MAX_NAME ? null : ARTIFACT.exec(text);
  if (match === null) return undefined;
  const [, folder = "", name = ""] = match;
  return { folder: folder.replace(/(^|\/)dvc\.yaml$/, ""), name };
}

/** As a registry writes it in tags: `folder:name`. */
export function artifactText({ folder, name }: ArtifactName): string {
  return folder === "" ? name : `${folder}:${name}`;
}

/** Orders versions (`v1.10.0`) as semantic versioning has it, oldest first; what comes after `+` does not count. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  for (const at of [0, 1, 2]) {
    const difference = compareNumbers(left.core[at] ?? "0", right.core[at] ?? "0");
    if (difference !== 0) return difference;
  }
  if (left.pre.length === 0 || right.pre.length === 0) return right.pre.length - left.pre.length;
  for (let at = 0; at < Math.min(left.pre.length, right.pre.length); at++) {
    const difference = compareIdentifiers(left.pre[at] ?? "", right.pre[at] ?? "");
    if (difference !== 0) return difference;
  }
  return left.pre.length - right.pre.length;
}

function parts(version: string): { core: string[]; pre: string[] } {
  const plain = version.replace(/^v/, "").replace(/\+.*$/, "");
  const cut = plain.indexOf("-");
  const [core, pre] = cut < 0 ? [plain, ""] : [plain.slice(0, cut), plain.slice(cut + 1)];
  return { core: core.split("."), pre: pre === "" ? [] : pre.split(".") };
}

/** Decimal digits of any length. */
function compareNumbers(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

function compareIdentifiers(a: string, b: string): number {
  const [isNumber, isOther] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumber && isOther) return compareNumbers(a, b);
  if (isNumber !== isOther) return isNumber ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
