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

/** The template with an anchor replaced by a value; inside longer texts too when the value is a text itself. */
export function fillAnchor(template: Template, name: string, value: unknown): Template {
  return filledRecord(template, anchor(name), value);
}

function filledRecord(record: Template, text: string, value: unknown): Template {
  const result: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(record)) {
    const isPart = typeof one === "string" && one !== text && typeof value === "string";
    setKey(result, key, isPart ? one.replaceAll(text, () => value) : filled(one, text, value));
  }
  return result;
}

function filled(one: unknown, text: string, value: unknown): unknown {
  if (one === text) return value;
  if (Array.isArray(one)) return one.map((item) => filled(item, text, value));
  return typeof one === "object" && one !== null && Object.getPrototypeOf(one) === Object.prototype
    ? filledRecord(one as Template, text, value)
    : one;
}
