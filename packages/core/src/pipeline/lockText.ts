import type { OsPath } from "../base/paths.ts";
import { type Lockfile, lockStageText, type LockStage, parseLockfile, serializeLockfile } from "../formats/lockfile.ts";
import { setKey } from "../formats/pyValues.ts";

/** How many files are remembered. */
const KEPT = 16;

/** Files as this process wrote them last. Each stage of a run writes its dvc.lock: reading it again each time would cost more than the rest. */
const written = new Map<OsPath, LockText>();

/**
 * A dvc.lock whose text is `text` (undefined: there is none), parsed unless this process wrote that very text.
 * @param shown as messages show it.
 * @throws {FormatError} for bad syntax or schema.
 */
export function readLock(file: OsPath, text: string | undefined, shown: string): LockText {
  const known = written.get(file);
  if (known !== undefined && known.text === text) return known;
  const lock = text === undefined ? ({ schema: "2.0" } as const) : parseLockfile(text, shown);
  return new LockText(file, shown, text, lock);
}

/** A dvc.lock as text and as data. */
export class LockText {
  readonly #file: OsPath;
  readonly #shown: string;
  readonly #lock: Lockfile;
  #text: string | undefined;
  /** The parts of a text in DVC's own layout: what stands above the stages, and the lines of each by the first of them. */
  #parts: { readonly head: string; readonly blocks: Map<string, string> } | undefined;

  constructor(file: OsPath, shown: string, text: string | undefined, lock: Lockfile) {
    this.#file = file;
    this.#shown = shown;
    this.#text = text;
    this.#lock = { ...lock, stages: { ...lock.stages } };
  }

  get text(): string | undefined {
    return this.#text;
  }

  get stages(): Readonly<Record<string, LockStage>> {
    return this.#lock.stages ?? {};
  }

  /** The text with some stages replaced or added, which is remembered as the file's. `order`: see `serializeLockfile`. */
  with(changed: ReadonlyMap<string, LockStage>, order?: readonly string[]): string {
    const stages = (this.#lock.stages ??= {});
    const isNew = [...changed.keys()].some((name) => !Object.hasOwn(stages, name));
    for (const [name, stage] of changed) setKey(stages, name, stage);
    const isPlaced = isNew && order !== undefined;
    let text = isPlaced ? undefined : this.#patched(changed);
    if (text === undefined) {
      const names = [...changed.keys()];
      text = serializeLockfile(this.#lock, this.#text, names, this.#shown, order);
      this.#parts = partsOf(text);
    }
    this.#text = text;
    written.delete(this.#file);
    written.set(this.#file, this);
    const [oldest] = written.keys();
    if (written.size > KEPT && oldest !== undefined) written.delete(oldest);
    return text;
  }

  #patched(changed: ReadonlyMap<string, LockStage>): string | undefined {
    if (this.#parts === undefined) return undefined;
    const { head, blocks } = this.#parts;
    for (const [name, stage] of changed) {
      const block = lockStageText(name, stage);
      if (SHARED.test(block)) return undefined;
      blocks.set(firstLine(block), block);
    }
    return `${head}${[...blocks.values()].join("")}`;
  }
}

/** Anchors and aliases reach over several stages; comments belong to none. */
const SHARED = /[&*]id\d|#/;

/** Undefined unless the text ends with its stages, as the emitter lays them out. */
function partsOf(text: string): { head: string; blocks: Map<string, string> } | undefined {
  if (SHARED.test(text) || !text.endsWith("\n")) return undefined;
  const start = /^stages:\n/m.exec(text);
  if (start === null) return undefined;
  const at = start.index + start[0].length;
  const blocks = new Map<string, string>();
  for (const block of text.slice(at).split(/^(?= {2}[^ \n])/m)) {
    const line = firstLine(block);
    if (!/^ {2}\S.*:$/.test(line) || /^\S/m.test(block.slice(line.length + 1)) || blocks.has(line)) return undefined;
    blocks.set(line, block);
  }
  return { head: text.slice(0, at), blocks };
}

function firstLine(text: string): string {
  return text.slice(0, text.indexOf("\n"));
}
