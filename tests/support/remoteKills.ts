import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, chmodSync, closeSync, openSync, readFileSync, rmSync, truncateSync, writeSync } from "node:fs";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FaultyLine, startFaultyLine } from "./faultyLine.ts";
import { filesUnder, md5Of } from "./killing.ts";
import type { FaultSubject } from "./remoteFaults.ts";
import { BINARY, Rig } from "./rig.ts";

const MIB = 1 << 20;
export const SIZE: number = 26 * MIB + 1;
/** Then the line falls silent (bytes), and at least so many ranges are in place. */
const SILENT_AFTER = 17 * MIB;
const RANGES = 3;
const RANGE_BYTES = 4 * MIB;
/** What is in place of a killed transfer, at least (bytes). */
export const IN_PLACE: number = RANGES * RANGE_BYTES;
/** What requests, and packing into packets, cost beside the bytes. */
export const SPARE: number = MIB;

/** A project with one large file, and a remote that it reaches through a line. */
export class KilledTransfer {
  readonly rig: Rig;
  readonly line: FaultyLine;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(rig: Rig, line: FaultyLine, env: Readonly<Record<string, string>>) {
    this.rig = rig;
    this.line = line;
    this.#env = env;
  }

  static async begin(subject: FaultSubject): Promise<KilledTransfer> {
    const line = await startFaultyLine(subject.port);
    const rig = new Rig().project();
    const { url, values, home, env = {} } = subject.at(line.port, `killed-${String(process.pid)}`);
    const words = Object.entries({ ...env, HOME: home }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    );
    rig.ok("remote", "add", "-d", "far", url);
    for (const [option, value] of Object.entries(values))
      rig.ok("remote", "modify", "--local", "far", option, String(value));
    rig.write("large", Buffer.alloc(SIZE, "bytes of an odd period, "));
    rig.ok("add", "-q", "large");
    return new KilledTransfer(rig, line, Object.fromEntries(words));
  }

  end(): void {
    this.line.stop();
    this.rig.close();
  }

  /** Runs it to its end. @returns how many bytes went each way */
  async run(...words: string[]): Promise<{ readonly up: number; readonly down: number }> {
    const before = { ...this.line.passed };
    const { code, out, err } = await this.rig.runBeside(words, { env: this.#env });
    if (code !== 0) throw new Error(`${words.join(" ")} exited with ${String(code)}: ${out}${err}`);
    return { up: this.line.passed.up - before.up, down: this.line.passed.down - before.down };
  }

  /** Runs it until `when` is so, then kills it. */
  async killWhen(when: () => boolean, ...words: string[]): Promise<void> {
    const env = { ...this.rig.env, ...this.#env };
    const child = spawn(process.execPath, [BINARY, ...words], { cwd: this.rig.dir, env, stdio: "ignore" });
    await this.#waitFor(child, when);
    child.kill("SIGKILL");
    await once(child, "exit");
    this.line.heal();
  }

  async #waitFor(child: ChildProcess, when: () => boolean): Promise<void> {
    while (!when()) {
      if (child.exitCode !== null) throw new Error(`it ended with ${String(child.exitCode)}`);
      await pause(20);
    }
  }

  /** Nothing of the file is here. */
  forget(): void {
    for (const gone of ["large", ".dvc/cache"]) rmSync(this.rig.path(gone), { recursive: true, force: true });
  }

  /** Names of temporary files in the cache. */
  get left(): string[] {
    return filesUnder(this.rig.path(".dvc/cache")).filter((path) => path.endsWith(".hftmp"));
  }

  /** Pulls until some ranges are in place. @returns the file that they are in */
  async killPull(): Promise<string> {
    this.forget();
    this.line.silentAfter("down", SILENT_AFTER);
    await this.killWhen(() => this.#noted >= RANGES, "pull");
    return this.left.find((path) => !path.includes(".ranges.")) ?? "";
  }

  /** Pushes until the server has so many bytes of the file. `received`: how many it has. */
  async killPush(received: () => number): Promise<void> {
    this.line.silentAfter("up", SILENT_AFTER);
    await this.killWhen(() => received() >= IN_PLACE, "push");
  }

  get #noted(): number {
    const notes = this.left.find((path) => path.includes(".ranges."));
    return notes === undefined ? 0 : readFileSync(notes, "utf8").split("\n").length - 2;
  }

  get isThere(): boolean {
    return md5Of(this.rig.path("large")) === /md5: (\w+)/.exec(this.rig.read("large.dvc") ?? "")?.[1];
  }
}

/** How the file of a killed pull is spoilt before the next. */
const DAMAGES: Readonly<Record<string, (path: string) => void>> = {
  "has other bytes": (path) => {
    const fd = openSync(path, "r+");
    writeSync(fd, "damage", 100);
    closeSync(fd);
  },
  "is shorter than was noted": (path) => {
    truncateSync(path, MIB);
  },
  "is longer than the object": (path) => {
    appendFileSync(path, Buffer.alloc(SIZE));
  },
};

/**
 * What must hold for every storage whose large files come in order when the program is killed. `damages`: also when what it left
 * is spoilt, which is the same code for all.
 */
export function describeKilledTransfers(
  name: string,
  start: () => Promise<FaultSubject>,
  { damages = false } = {},
): void {
  describe(`a transfer from or to ${name} that is killed`, () => {
    let subject: FaultSubject;
    let transfer: KilledTransfer;

    beforeAll(async () => {
      subject = await start();
      transfer = await KilledTransfer.begin(subject);
      await transfer.run("push");
    });
    afterAll(async () => {
      transfer.end();
      await subject.stop();
    });

    it("goes on in the next pull with what was there", async () => {
      await transfer.killPull();
      const { down } = await transfer.run("pull");
      expect(down).toBeLessThan(SIZE - IN_PLACE + SPARE);
      expect(transfer.isThere).toBe(true);
      expect(transfer.left).toEqual([]);
    });

    it.runIf(damages).each(Object.entries(DAMAGES))("begins anew where what was there %s", async (_how, damage) => {
      const left = await transfer.killPull();
      chmodSync(left, 0o600);
      damage(left);
      const { down } = await transfer.run("pull");
      expect(down).toBeGreaterThan(SIZE);
      expect(transfer.isThere).toBe(true);
      expect(transfer.left).toEqual([]);
    });
  });
}
