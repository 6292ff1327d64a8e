import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** To the server, or from it. */
export type Direction = "up" | "down";

/** A line to a server on loopback that breaks when it is told to. */
export interface FaultyLine {
  readonly port: number;
  /** Bytes that went through so far. */
  readonly passed: Readonly<Record<Direction, number>>;
  /** Faults that happened. */
  readonly faults: number;
  /** After so many more bytes the connection that carries them is cut, once. */
  cutAfter(direction: Direction, bytes: number): void;
  /** After so many more bytes the connection that carries them falls silent for good, without an end. */
  silentAfter(direction: Direction, bytes: number): void;
  /** After so many more bytes all connections are cut, and new ones too, until `heal`. */
  dieAfter(direction: Direction, bytes: number): void;
  heal(): void;
  stop(): void;
}

interface Trap {
  readonly kind: "cut" | "silent" | "dead";
  readonly direction: Direction;
  left: number;
}

/** Starts a line to a port of loopback. */
export async function startFaultyLine(to: number): Promise<FaultyLine> {
  const passed = { up: 0, down: 0 };
  const open = new Set<Socket>();
  let trap: Trap | undefined;
  let isDead = false;
  let faults = 0;
  const endAll = (): void => {
    for (const socket of open) socket.destroy();
  };
  const server = createServer((near) => {
    near.on("error", () => undefined);
    if (isDead) {
      near.destroy();
      return;
    }
    const far = connect(to, "127.0.0.1");
    const line = { isSilent: false, isCut: false };
    const end = (): void => {
      near.destroy();
      far.destroy();
    };
    const pass = (from: Socket, into: Socket, direction: Direction): void => {
      open.add(from);
      from.on("error", end).on("close", () => {
        open.delete(from);
        if (!line.isSilent) end();
      });
      from.on("data", (chunk) => {
        if (line.isSilent || line.isCut) return;
        if (trap?.direction !== direction || (trap.left -= chunk.length) > 0) {
          passed[direction] += chunk.length;
          into.write(chunk);
          return;
        }
        const { kind, left } = trap;
        trap = undefined;
        faults++;
        const rest = chunk.subarray(0, Math.max(0, chunk.length + left));
        passed[direction] += rest.length;
        if (kind === "silent") {
          line.isSilent = true;
          into.write(rest);
        } else if (kind === "dead") {
          isDead = true;
          endAll();
        } else {
          // Nothing that comes meanwhile may pass: bytes would be missing in the middle.
          line.isCut = true;
          into.write(rest, end);
        }
      });
    };
    pass(near, far, "up");
    pass(far, near, "down");
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve();
    });
  });
  const set = (kind: Trap["kind"], direction: Direction, left: number): void => {
    trap = { kind, direction, left };
  };
  return {
    port: (server.address() as AddressInfo).port,
    passed,
    get faults() {
      return faults;
    },
    cutAfter: (direction, bytes) => {
      set("cut", direction, bytes);
    },
    silentAfter: (direction, bytes) => {
      set("silent", direction, bytes);
    },
    dieAfter: (direction, bytes) => {
      set("dead", direction, bytes);
    },
    heal: () => {
      isDead = false;
      trap = undefined;
    },
    stop: () => {
      server.close();
      endAll();
    },
  };
}
