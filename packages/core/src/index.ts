export * from "./base/errors.ts";
export type { CallOptions, Event, Reporter } from "./base/events.ts";
export { silent } from "./base/events.ts";
