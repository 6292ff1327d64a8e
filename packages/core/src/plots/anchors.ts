import { setKey } from "../formats/pyValues.ts";
import { anchor, type Template } from "./templates.ts";

/** Whether a text of the template is exactly the anchor of that name. */
export function hasAnchor(template: Template, name: string): boolean {
  return holds(template, anchor(name));
}

function holds(value: unknown, text: string): boolean {
  if (typeof value === "string") return value === text;
  if (Array.isArray(value)) return value.some((one) => !Array.isArray(one) && holds(one, text));
  return typeof value === "object" && value !== null && Object.values(value).some((one) => holds(one, text));
}

const found = new WeakMap<Template, ReadonlySet<string>>();

/** The names of `names` whose anchors a template has; it is looked through once. */
export function anchorsOf(template: Template, names: readonly string[]): ReadonlySet<string> {
  let known = found.get(template);
  if (known === undefined) found.set(template, (known = new Set(names.filter((name) => hasAnchor(template, name)))));
  return known;
}

/**
 * The template with an anchor replaced by a value; inside longer texts too when the value is a text itself. Parts without the
 * anchor are those of the template.
 */
export function fillAnchor(template: Template, name: string, value: unknown): Template {
  return filledRecord(template, anchor(name), value);
}

function filledRecord(record: Template, text: string, value: unknown): Template {
  let result: Record<string, unknown> | undefined;
  for (const key of Object.keys(record)) {
    const one = record[key];
    const isPart = typeof one === "string" && one !== text && typeof value === "string";
    const now = isPart ? one.replaceAll(text, () => value) : filled(one, text, value);
    if (now !== one) setKey((result ??= { ...record }), key, now);
  }
  return result ?? record;
}

function filled(one: unknown, text: string, value: unknown): unknown {
  if (one === text) return value;
  if (Array.isArray(one)) {
    const items: readonly unknown[] = one;
    const now = items.map((item) => filled(item, text, value));
    return now.every((item, at) => item === items[at]) ? one : now;
  }
  return typeof one === "object" && one !== null && Object.getPrototypeOf(one) === Object.prototype
    ? filledRecord(one as Template, text, value)
    : one;
}
