import type { CallOptions } from "../base/events.ts";

/** An object that is not what its name says. */
export interface BadObject {
  readonly oid: string;
  /** Path or URL, for a person. */
  readonly path: string;
  /** `manifest`: its bytes have the right hash, but are no list of files that may be used. */
  readonly problem: "damaged" | "unreadable" | "manifest";
  /** The hash that its bytes have, when it is damaged. */
  readonly actual?: string;
  /** What went wrong, when it is unreadable or no manifest. */
  readonly detail?: string;
}

/** What a check of all objects of one store found. */
export interface StoreCheck {
  /** Objects hashed, sound or not, those of an earlier run that this one continues among them. */
  readonly objects: number;
  /** Bytes hashed. */
  readonly bytes: number;
  readonly bad: readonly BadObject[];
}

/** How far a check has come: all objects up to `last`, in the order of their names. */
export interface CheckPoint extends StoreCheck {
  readonly last: string;
}

/** How to check a store. */
export interface CheckOptions extends CallOptions {
  /** What the progress line says. */
  readonly task: string;
  /** Where an earlier run stopped. */
  readonly resume?: CheckPoint | undefined;
  /** Called now and then; what is handed over may be kept. */
  readonly onCheckPoint?: (point: CheckPoint) => void;
  /** Called with each name that was found, before it is hashed. */
  readonly onName?: (oid: string) => void;
}
