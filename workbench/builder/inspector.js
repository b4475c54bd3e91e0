// What is said of the selected field: label, texts, options, limits, when it is shown, and where it goes in the CRMs.

import { nudge, removeField } from "./canvas.js";
import { button, group, lines, number, pick, sign, text, tick } from "./controls.js";
import { el } from "./elements.js";
import * as model from "./model.js";

const TYPED = ["text", "long_text", "email", "phone", "number"];
const SHAPES = [["any", "Anything"], ["digits", "Digits only"], ["letters", "Letters only"], ["url", "A web address"]];
const POLICIES = [["if_empty", "Fill it only where it is empty"], ["overwrite", "Overwrite what is there"], ["append", "Add it to what is there"]];

export function inspector(editor) {
  const field = model.fieldAt(editor.draft, editor.selected);
  if (!field) {
    return [el("h3", {}, "Field"), el("p", { class: "help" }, "Select a field to say what it is called, what may be entered, and where it goes.")];
  }
  const place = editor.selected;
  const parts = [
    el("h3", {}, `${model.kindOf(field).label}`),
    editor.mayChange && actions(editor, place),
    ...editor.faultsOf(place).map((one) => el("p", { class: "bad" }, one.message)),
    words(editor, field, place), model.hasOptions(field) && options(editor, field), answers(editor, field),
    condition(editor, field, place), mapping(editor, field),
  ];
  return editor.mayChange ? parts : [el("fieldset", { class: "readonly", disabled: true }, parts.filter(Boolean))];
}

/** Edits the selected field. redraw: whether what is said of it changes its shape. */
function edit(editor, change, tag, { redraw = false } = {}) {
  editor.commit((draft) => { change(model.fieldAt(draft, editor.selected), draft); }, { tag, keep: redraw ? null : "inspector" });
}

/** A text of the field under its own name. */
function own(editor, field, name, label, more = {}) {
  return text({
    key: name, label, value: field[name], ...more, rest: () => editor.rest(),
    change: (typed) => edit(editor, (one) => { one[name] = typed; }, name),
  });
}

function actions(editor, place) {
  const copy = () => {
    editor.commit((draft) => model.duplicate(draft, place));
    editor.say(`${model.titleOf(model.fieldAt(editor.draft, editor.selected))} added once more`);
  };
  return el("div", { class: "actions" },
    sign("↑", "Move up", () => nudge(editor, place, -1), { key: "up" }),
    sign("↓", "Move down", () => nudge(editor, place, 1), { key: "down" }),
    button("Duplicate", copy, { key: "copy" }), button("Remove", () => removeField(editor, place), { key: "remove" }));
}

function words(editor, field, place) {
  const label = text({
    key: "label", label: "Label", value: field.label, rest: () => editor.rest(),
    change: (typed) => {
      editor.commit((draft) => { model.relabel(draft, place, typed, editor.data.published_names); }, { tag: "label", keep: "inspector" });
      const name = editor.root.querySelector("[data-key=name]");
      if (name) name.value = model.fieldAt(editor.draft, place).name;
    },
  });
  const steps = editor.draft.steps.map((_, step) => [String(step), model.stepTitle(editor.draft, step)]);
  const toStep = (step) => editor.commit((draft) => model.move(draft, place, { step: Number(step), index: (draft.steps[step].fields ?? []).length }));
  return el("div", { class: "group" },
    field.kind !== "hidden" && label,
    field.kind === "consent" && own(editor, field, "consent_text", "What people agree to", {
      rows: 4, help: `Version ${field.consent_version ?? 1}. Publishing a new wording gives it the next number.`,
    }),
    field.kind !== "hidden" && own(editor, field, "help", "Help text", { help: "Stands under the field." }),
    TYPED.includes(field.kind) && own(editor, field, "placeholder", "Placeholder", { help: "An example; never instead of the label." }),
    field.kind !== "hidden" && tick({
      key: "is_required", label: "Required", value: field.is_required,
      change: (ticked) => edit(editor, (one) => { one.is_required = ticked; }, null),
    }),
    steps.length > 1 && pick({ key: "step", label: "Step", value: String(place.step), options: steps, change: toStep }),
    nameOf(editor, field, place));
}

function nameOf(editor, field, place) {
  const isFixed = editor.data.published_names.includes(field.name);
  return text({
    key: "name", label: "Name in the data", value: field.name, maxlength: 40, rest: () => editor.rest(),
    help: isFixed ? "Answers are stored under this name; another one begins anew." : "Answers are stored under this name.",
    change: (typed) => editor.commit((draft) => { model.rename(draft, place, typed); }, { tag: "name", keep: "inspector" }),
  });
}

function options(editor, field) {
  const set = (change) => edit(editor, change, null, { redraw: true });
  const swap = (index, by) => {
    set((one) => { one.options.splice(index + by, 0, one.options.splice(index, 1)[0]); });
    editor.focus(`option-label-${index + by}`);
  };
  const rows = (field.options ?? []).map((option, index) => el("li", {},
    el("input", {
      "aria-label": `Label of option ${index + 1}`, "data-key": `option-label-${index}`, value: option.label, autocomplete: "off",
      oninput: (event) => edit(editor, (one) => { one.options[index].label = event.target.value; }, `option-label-${index}`),
      onchange: () => editor.rest(),
    }),
    el("input", {
      class: "code", "aria-label": `Value of option ${index + 1}`, "data-key": `option-value-${index}`, value: option.value, autocomplete: "off",
      oninput: (event) => edit(editor, (one, draft) => { model.renameOption(draft, one, index, event.target.value); }, `option-value-${index}`),
      onchange: () => editor.rest(),
    }),
    sign("↑", `Move option ${index + 1} up`, () => index > 0 && swap(index, -1), { key: `option-up-${index}` }),
    sign("↓", `Move option ${index + 1} down`, () => index + 1 < field.options.length && swap(index, 1), { key: `option-down-${index}` }),
    sign("✕", `Remove option ${index + 1}`, () => set((one) => { one.options.splice(index, 1); }), { key: `option-remove-${index}` })));
  const add = () => {
    set((one) => {
      const taken = new Set(one.options.map((each) => each.value));
      let n = one.options.length + 1;
      while (taken.has(`option_${n}`)) n += 1;
      one.options.push({ value: `option_${n}`, label: `Option ${n}` });
    });
    editor.focus(`option-label-${field.options.length}`);
  };
  return group("Options",
    el("p", { class: "help" }, "What people read, and the value that is stored."),
    el("ol", { class: "options" }, rows), button("+ Add an option", add, { key: "add-option", class: "quiet" }));
}

function limit(editor, field, name, label, more = {}) {
  const make = more.type === "date" ? text : number;
  return make({
    key: name, label, value: field.limits?.[name], ...more, rest: () => editor.rest(),
    change: (typed) => edit(editor, (one) => { one.limits = { ...one.limits, [name]: typed === "" ? null : typed }; }, name),
  });
}

function answers(editor, field) {
  const isText = field.kind === "text" || field.kind === "long_text";
  const set = (name) => (value) => edit(editor, (one) => { one[name] = value; }, null);
  const parts = [
    field.kind === "number" && el("div", { class: "pair" }, limit(editor, field, "least", "Least"), limit(editor, field, "most", "Most")),
    field.kind === "date" && el("div", { class: "pair" },
      limit(editor, field, "least", "First day", { type: "date" }), limit(editor, field, "most", "Last day", { type: "date" })),
    isText && el("div", { class: "pair" },
      limit(editor, field, "shortest", "Shortest", { min: 0, step: 1 }), limit(editor, field, "longest", "Longest", { min: 1, step: 1 })),
    isText && pick({ key: "form", label: "What may be entered", value: field.limits?.form ?? "any", options: SHAPES,
      change: (value) => edit(editor, (one) => { one.limits = { ...one.limits, form: value }; }, null) }),
    field.kind === "phone" && own(editor, field, "country", "Country of numbers without +", { maxlength: 2, placeholder: "DE", help: "Two letters, as ISO 3166 has them." }),
    field.kind === "hidden" && own(editor, field, "from_query", "Filled from the page’s parameter", { placeholder: "plan", help: "…?plan=pro fills it with pro." }),
    model.valuesOf(field) && field.kind !== "multi_select"
      ? pick({ key: "default", label: "Begins with", value: field.default ?? "", change: set("default"),
          options: [["", "Nothing"], ...model.valuesOf(field).map((one) => [one.value, one.label])] })
      : field.kind !== "consent" && field.kind !== "multi_select" && own(editor, field, "default", "Begins with"),
  ].filter(Boolean);
  return parts.length ? group("Answers", parts) : null;
}

function condition(editor, field, place) {
  const before = model.earlier(editor.draft, place);
  const rule = field.show_if;
  if (!before.length && !rule) return null;
  const choices = [["", "Always"], ...before.map((one) => [one.name, `If “${model.titleOf(one)}” is …`])];
  const source = rule && model.placed(editor.draft).find((one) => one.field.name === rule.field)?.field;
  if (rule && !before.includes(source)) choices.push([rule.field, `If “${source ? model.titleOf(source) : rule.field}” is … (not before it)`]);
  const change = (name) => edit(editor, (one) => {
    const first = before.find((each) => each.name === name);
    const values = first && model.valuesOf(first);
    one.show_if = name ? { field: name, is_any_of: values?.length ? [values[0].value] : [] } : null;
  }, null, { redraw: true });
  return group("Show this field",
    pick({ key: "show-if", label: "When", value: rule?.field ?? "", options: choices, change }),
    rule && conditionValues(editor, source, rule));
}

function conditionValues(editor, source, rule) {
  const values = source && model.valuesOf(source);
  const set = (chosen, tag) => edit(editor, (one) => { one.show_if.is_any_of = chosen; }, tag);
  if (!values) return lines({ key: "show-values", label: "One of these values, one a line", value: rule.is_any_of,
    change: (chosen) => set(chosen, "show-values"), rest: () => editor.rest() });
  const toggle = (value) => (ticked) => {
    const now = model.fieldAt(editor.draft, editor.selected).show_if.is_any_of.filter((one) => one !== value);
    set(ticked ? [...now, value] : now, null);
  };
  return el("div", { role: "group", "aria-label": "One of these values" },
    values.map((one) => tick({ key: `show-${one.value}`, label: one.label, value: rule.is_any_of.includes(one.value), change: toggle(one.value) })));
}

function mapping(editor, field) {
  if (model.CONTACT.includes(field.name)) {
    return group("In the CRM", el("p", { class: "help" }, "Goes to the contact itself, in every CRM."));
  }
  const rows = editor.data.providers.map((one) => text({
    key: `property-${one.provider}`, label: one.name, value: field.properties?.[one.provider], rest: () => editor.rest(),
    change: (typed) => edit(editor, (each) => {
      each.properties = { ...each.properties, [one.provider]: typed };
      if (!typed) delete each.properties[one.provider];
    }, `property-${one.provider}`),
  }));
  return group("In the CRM",
    el("p", { class: "help" }, "Name of the property there; empty: it stays with the lead here."), rows,
    pick({ key: "policy", label: "If the contact has a value", value: field.policy ?? "if_empty", options: POLICIES,
      change: (value) => edit(editor, (one) => { one.policy = value; }, null) }));
}
