/** The DVC release whose commands, files and texts these are. */
export const COMPATIBLE_DVC = "3.67.1";

declare const HOLDFAST_VERSION: string;

/** The version of this package; the bundler writes it in. */
export const VERSION: string = typeof HOLDFAST_VERSION === "string" ? HOLDFAST_VERSION : "0.0.0";
