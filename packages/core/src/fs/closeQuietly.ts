import { closeSync } from "node:fs";

/** Closes what nothing was written through: whatever the system says of that, it is closed. */
export function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // Nothing can be lost.
  }
}
