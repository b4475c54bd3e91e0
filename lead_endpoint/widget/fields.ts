// One field on the screen: label, help, control and error, tied together for screen readers.

import type { Field } from "./definition";
import { h, linked } from "./element";
import { fill, type Words } from "./texts";

export interface Control {
  name: string;
  label: string;
  box: HTMLElement;
  read(): string[];
  /** Why it cannot be sent as it is; "" where it can. The server judges again. */
  fault(): string;
  say(fault: string): void;
  focus(): void;
}

type Entry = HTMLInputElement & HTMLSelectElement & HTMLTextAreaElement;

const TAGS: Record<string, "select" | "textarea"> = { select: "select", long_text: "textarea" };
/** What browsers fill in by themselves (WCAG 1.3.5); of the kinds, what browsers call them. */
const KNOWN: Record<string, string> = {
  email: "email", phone: "tel", name: "name", first_name: "given-name", last_name: "family-name",
  company: "organization",
};

export function draw(field: Field, start: string[], words: Words, language: string): Control {
  const { name, kind, label, required, consent_text, limits, placeholder } = field;
  const isTick = kind === "checkbox" || kind === "consent";
  const isGroup = kind === "multi_select";
  const help = h("p", { id: `${name}-h`, class: "help" }, ...linked(field.help || hint(field, words, language)));
  const error = h("p", { id: `${name}-e`, class: "error" });
  const described = { "aria-describedby": `${name}-h ${name}-e` };
  const title = h(isGroup ? "legend" : "label", { for: name }, label);
  const options = isTick ? [{ value: "yes", label: consent_text || label }] : field.options;
  if (!required && !isTick) title.append(h("span", { class: "quiet" }, ` (${words.optional})`));

  const single = (): Entry => {
    const entry = h(TAGS[kind] ?? "input", {
      ...described, id: name, name, placeholder, autocomplete: KNOWN[name], "aria-required": required,
      type: KNOWN[kind] ?? kind, step: "any",
      min: limits.least, max: limits.most, minlength: limits.shortest, maxlength: limits.longest,
    }) as Entry;
    if (kind === "select") {
      entry.append(...[{ value: "", label: placeholder || words.choose }, ...options].map((one) =>
        h("option", { value: one.value }, one.label)));
    }
    entry.value = start[0] ?? "";
    return entry;
  };
  const tick = ({ value }: { value: string }): Entry =>
    h("input", {
      ...described, type: "checkbox", name, value, checked: start.includes(value), "aria-required": isTick && required,
    }) as Entry;

  const ticks = isTick || isGroup;
  const entries = ticks ? options.map(tick) : [single()];
  const rows = ticks
    ? entries.map((one, at) => h("label", { class: "tick" }, one, h("span", {}, ...linked(options[at].label))))
    : entries;
  const parts = isTick && !isGroup ? [...rows, help, error] : [title, help, ...rows, error];
  const read = (): string[] =>
    entries.filter((one) => !ticks || one.checked).map((one) => one.value.trim()).filter(Boolean);
  return {
    name,
    label: label || consent_text.slice(0, 60),
    box: h(isGroup ? "fieldset" : "div", { class: "field" }, ...parts),
    read,
    say(fault) {
      error.textContent = fault;
      for (const one of entries) (one.ariaInvalid as unknown) = !!fault;
    },
    focus: () => entries[0].focus(),
    fault() {
      if (required && !read()[0] && !entries[0].validity.badInput) return words.required;
      // The browser's own words, in the visitor's own language.
      return entries[0].validationMessage;
    },
  };
}

/** Of a phone number: the country that is meant where none is written. */
const hint = ({ kind, country }: Field, words: Words, language: string): string =>
  kind === "phone" && country
    ? fill(words.country, new Intl.DisplayNames(language, { type: "region" }).of(country))
    : "";
