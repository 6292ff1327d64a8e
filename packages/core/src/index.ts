export * from "./base/errors.ts";
export type { CallOptions, Event, Reporter, StageState } from "./base/events.ts";
export { silent } from "./base/events.ts";
export { commandText, withoutSecrets } from "./base/secretText.ts";
