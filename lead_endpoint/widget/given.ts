// What a form starts with.

import type { Definition, Values } from "./definition";
import type { Waiting } from "./sending";

/** By the first that says something: a lead that waits, the element, the page's address, the form. */
export function given(definition: Definition, script: HTMLScriptElement, waiting?: Waiting | null): Values {
  const earlier = (waiting ? JSON.parse(waiting.body) : {}) as Record<string, string | string[]>;
  const query = new URLSearchParams(location.search);
  const fields = definition.steps.flatMap((step) => step.fields);
  return Object.fromEntries(fields.map(({ name, kind, from_query, default: usual }) => {
    // Nobody agrees by default.
    const preset = kind === "consent"
      ? ""
      : script.getAttribute(`data-value-${name}`) ?? query.get(from_query) ?? usual;
    return [name, [earlier[name] ?? preset].flat()];
  }));
}
