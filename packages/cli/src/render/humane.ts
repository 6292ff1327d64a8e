/** `4 files fetched, 1 file modified and 3 files added`; states with nothing are left out, "" when all are. */
export function summary(counts: readonly (readonly [state: string, count: number])[]): string {
  const parts = counts
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${String(count)} file${count > 1 ? "s" : ""} ${state}`);
  if (parts.length < 2) return parts[0] ?? "";
  return `${parts.slice(0, -1).join(", ")} and ${parts[parts.length - 1] ?? ""}`;
}

/** A size in bytes as DVC's tables print it: `139`, `4.00k`, `12.3M`, `988G`; base 1024. */
export function naturalSize(bytes: number): string {
  if (bytes < 1024) return bytes.toFixed(0);
  let value = bytes;
  for (const unit of ["", "k", "M", "G", "T", "P", "E", "Z"]) {
    if (Math.abs(value) < 999.5) {
      if (Math.abs(value) < 99.95) return fixed(value, Math.abs(value) < 9.995 ? 2 : 1) + unit;
      return fixed(value, 0) + unit;
    }
    value /= 1024;
  }
  return `${value.toFixed(1)}Y`;
}

/** As Python writes it: what lies exactly between two numbers becomes the even one. `value` is not negative. */
function fixed(value: number, digits: number): string {
  const scaled = value * 10 ** digits;
  const isBetween = (value * 8) % 1 === 0 && scaled % 1 === 0.5;
  const below = Math.floor(scaled);
  return (isBetween && below % 2 === 0 ? below / 10 ** digits : value).toFixed(digits);
}

/** A size for the progress line: `4.2 MiB`. */
export function byteSize(bytes: number): string {
  let value = bytes;
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (value < 1024) return `${unit === "B" ? value.toFixed(0) : value.toFixed(1)} ${unit}`;
    value /= 1024;
  }
  return `${value.toFixed(1)} TiB`;
}

/** Seconds as `0:07`, `12:34` or `1:02:03`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (value: number): string => String(value).padStart(2, "0");
  return hours > 0 ? `${String(hours)}:${two(minutes)}:${two(rest)}` : `${String(minutes)}:${two(rest)}`;
}
