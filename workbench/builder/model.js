// What can be done to a definition (snapshots/form_definition.py). Pure: every function works on the object it is given.

export const KINDS = [
  { kind: "text", label: "Short text", mark: "T" },
  { kind: "long_text", label: "Long text", mark: "¶" },
  { kind: "email", label: "E-mail", mark: "@" },
  { kind: "phone", label: "Phone", mark: "☎" },
  { kind: "number", label: "Number", mark: "#" },
  { kind: "date", label: "Date", mark: "▦" },
  { kind: "select", label: "Choice", mark: "◉" },
  { kind: "multi_select", label: "Several choices", mark: "☷" },
  { kind: "checkbox", label: "Tick box", mark: "☑" },
  { kind: "consent", label: "Consent", mark: "✓" },
  { kind: "hidden", label: "Hidden", mark: "◌" },
];
export const CONTACT = ["email", "name", "first_name", "last_name", "phone", "company"];
const KIND = Object.fromEntries(KINDS.map((one) => [one.kind, one]));

export const kindOf = (field) => KIND[field.kind] ?? { kind: field.kind, label: field.kind, mark: "?" };
export const hasOptions = (field) => field.kind === "select" || field.kind === "multi_select";
export const titleOf = (field) => field.label || (field.kind === "consent" && field.consent_text) || field.name;
export const stepTitle = (definition, step) => definition.steps[step].title || `Step ${step + 1}`;
export const textOf = (value) => (value === null || value === undefined ? "" : String(value));

/** Every field with its place, in the order in which visitors meet them. */
export function placed(definition) {
  return definition.steps.flatMap((step, s) => (step.fields ?? []).map((field, index) => ({ field, step: s, index })));
}

export const fieldAt = (definition, place) => (place ? definition.steps[place.step]?.fields?.[place.index] : undefined);

export function placeOf(definition, name) {
  const found = placed(definition).find((one) => one.field.name === name);
  return found ? { step: found.step, index: found.index } : null;
}

/** A name that no field has: the kind's own, then with a number. */
export function freeName(definition, wanted) {
  const taken = new Set(placed(definition).map((one) => one.field.name));
  let name = wanted;
  for (let number = 2; taken.has(name); number += 1) name = `${wanted.slice(0, 36)}_${number}`;
  return name;
}

/** A name made of a label: "Your company" becomes your_company; empty where nothing of it can be used. */
export function nameFrom(label) {
  const plain = label.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, "_").replace(/^[^a-z]+|_+$/g, "").slice(0, 40).replace(/_+$/, "");
}

/** A new label, and with it the name, as long as nobody chose that and no published version has it. */
export function relabel(definition, place, label, fixed) {
  const field = fieldAt(definition, place);
  const isOwn = field.name === nameFrom(field.label ?? "") || new RegExp(`^${field.kind}(_\\d+)?$`).test(field.name);
  field.label = label;
  const wanted = nameFrom(label);
  const isFree = !["email", "phone"].includes(field.kind) && !["email", "phone", "form", "organization_id"].includes(wanted);
  if (isOwn && isFree && wanted && wanted !== field.name && !fixed.includes(field.name)) {
    rename(definition, place, freeName(definition, wanted));
  }
}

export function newField(definition, kind) {
  const field = { name: freeName(definition, kind), kind, label: kind === "hidden" ? "" : KIND[kind].label };
  if (kind === "select" || kind === "multi_select") {
    field.options = [1, 2].map((n) => ({ value: `option_${n}`, label: `Option ${n}` }));
  }
  if (kind === "consent") {
    field.consent_text = "I agree that my details are used to answer my request.";
    field.is_required = true;
  }
  return field;
}

/** Where a field goes that is added after the selected one; the end where nothing is selected. */
export function placeAfter(definition, place) {
  if (fieldAt(definition, place)) return { step: place.step, index: place.index + 1 };
  const step = definition.steps.length - 1;
  return { step, index: (definition.steps[step].fields ?? []).length };
}

export function insert(definition, field, place) {
  const step = definition.steps[place.step];
  step.fields = step.fields ?? [];
  step.fields.splice(place.index, 0, field);
  return place;
}

export function remove(definition, place) {
  return definition.steps[place.step].fields.splice(place.index, 1)[0];
}

/** Moves a field to stand before what stands at `to` now; returns its new place. */
export function move(definition, from, to) {
  const field = remove(definition, from);
  const shift = from.step === to.step && from.index < to.index ? 1 : 0;
  return insert(definition, field, { step: to.step, index: to.index - shift });
}

/** One up (-1) or down (+1), over the edge into the neighbouring step; null where it is at the end already. */
export function nudge(definition, place, by) {
  const target = { step: place.step, index: place.index + by };
  const length = definition.steps[place.step].fields.length;
  if (target.index >= 0 && target.index < length) return insert(definition, remove(definition, place), target);
  const step = place.step + by;
  if (!definition.steps[step]) return null;
  const index = by < 0 ? (definition.steps[step].fields ?? []).length : 0;
  return insert(definition, remove(definition, place), { step, index });
}

export function duplicate(definition, place) {
  const field = structuredClone(fieldAt(definition, place));
  field.name = freeName(definition, field.name.replace(/_\d+$/, ""));
  return insert(definition, field, { step: place.step, index: place.index + 1 });
}

/** A new name, followed by conditions and translations. */
export function rename(definition, place, name) {
  const field = fieldAt(definition, place);
  const before = field.name;
  field.name = name;
  if (placed(definition).some((one) => one.field !== field && one.field.name === before)) return;
  for (const { field: other } of placed(definition)) if (other.show_if?.field === before) other.show_if.field = name;
  for (const translation of Object.values(definition.translations ?? {})) {
    if (translation.fields?.[before]) {
      translation.fields[name] = translation.fields[before];
      delete translation.fields[before];
    }
  }
}

/** A new value of an option, followed by conditions, translations and the default. */
export function renameOption(definition, field, index, value) {
  const before = field.options[index].value;
  field.options[index].value = value;
  if (field.default === before) field.default = value;
  for (const { field: other } of placed(definition)) {
    if (other.show_if?.field === field.name) {
      other.show_if.is_any_of = other.show_if.is_any_of.map((one) => (one === before ? value : one));
    }
  }
  for (const translation of Object.values(definition.translations ?? {})) {
    const texts = translation.fields?.[field.name]?.options;
    if (texts && before in texts) {
      texts[value] = texts[before];
      delete texts[before];
    }
  }
}

export function addStep(definition) {
  definition.steps.push({ title: `Step ${definition.steps.length + 1}`, fields: [] });
  return definition.steps.length - 1;
}

/** Its fields go to the step before it, those of the first to the one after. */
export function removeStep(definition, step) {
  const [gone] = definition.steps.splice(step, 1);
  const heir = definition.steps[Math.max(0, step - 1)];
  heir.fields = step === 0 ? [...(gone.fields ?? []), ...(heir.fields ?? [])] : [...(heir.fields ?? []), ...(gone.fields ?? [])];
  for (const translation of Object.values(definition.translations ?? {})) translation.steps?.splice(step, 1);
}

/** The fields that a condition of this one may name. */
export function earlier(definition, place) {
  const own = fieldAt(definition, place);
  const all = placed(definition).map((one) => one.field);
  return all.slice(0, all.indexOf(own)).filter((field) => field.kind !== "consent");
}

/** The values that a condition on `field` can name: null where anything may be typed. */
export function valuesOf(field) {
  if (hasOptions(field)) return field.options.map((one) => ({ value: one.value, label: one.label || one.value }));
  return field.kind === "checkbox" ? [{ value: "yes", label: "Ticked" }] : null;
}

/** "Team size is 51–250 or more than 250": a condition by the labels of the other field and of its options. */
export function ruleWords(definition, rule) {
  const other = placed(definition).find((one) => one.field.name === rule.field)?.field;
  const known = (other && valuesOf(other)) ?? [];
  const said = rule.is_any_of.map((value) => known.find((one) => one.value === value)?.label ?? value);
  if (other?.kind === "checkbox" && rule.is_any_of.join() === "yes") return `${titleOf(other)} is ticked`;
  return `${other ? titleOf(other) : rule.field} is ${said.join(" or ") || "…"}`;
}

/** What the widget is served for this definition, but for token and proof of work: nothing but what visitors may see. */
export function publicForm(definition, defaults, key) {
  const whole = defaults.field;
  return {
    key, version: 0, title: definition.title ?? "", language: definition.language ?? "en",
    steps: definition.steps.map((step) => ({
      title: step.title ?? "",
      fields: (step.fields ?? []).map((one) => publicField({ ...whole, ...one, limits: { ...whole.limits, ...one.limits } })),
    })),
    words: definition.words ?? {}, translations: definition.translations ?? {},
    theme: { ...defaults.theme, ...definition.theme },
    thank_you: { ...defaults.thank_you, ...definition.thank_you, url: "" },
    token: "preview", proof_of_work: null, least_fill_s: 0,
  };
}

function publicField(field) {
  const names = ["name", "kind", "label", "help", "placeholder", "options", "default", "country", "from_query",
    "consent_text", "consent_version"];
  const shown = Object.fromEntries(names.map((name) => [name, field[name]]));
  const limits = Object.fromEntries(Object.entries(field.limits).filter(([, value]) => value !== null));
  return { ...shown, limits, required: field.is_required, show_if: field.show_if ?? null };
}
