// The palette of field kinds and the canvas of steps and fields: by mouse drag, and all of it by keyboard.

import { sign } from "./controls.js";
import { el, rove } from "./elements.js";
import * as model from "./model.js";

/** What is dragged at the moment: {kind} from the palette, or {from: place} within the canvas. */
let dragged = null;
export const isDragging = () => dragged !== null;

const order = (place) => `${place.step}-${place.index}`;
export const itemKey = (place) => `field-${order(place)}`;

// --- palette ----------------------------------------------------------------------------------------------------------

export function palette(editor) {
  const items = model.KINDS.map((one, index) => {
    const item = el(
      "div",
      {
        class: "kind", role: "button", "data-key": `kind-${one.kind}`, "data-kind": one.kind, draggable: true,
        tabIndex: index === (editor.paletteAt ?? 0) ? 0 : -1,
        onclick: () => add(editor, one.kind), onfocus: () => tabStop(editor, items, index),
        onkeydown: (event) => onPaletteKey(editor, event, one.kind, items),
        ondragstart: (event) => lift(event, { kind: one.kind }, one.label), ondragend: drop,
      },
      el("span", { class: "mark", "aria-hidden": "true" }, one.mark), one.label,
    );
    return item;
  });
  return [
    el("h3", {}, "Add a field"),
    el("div", { class: "kinds", role: "toolbar", "aria-label": "Kinds of fields", "aria-orientation": "vertical" }, items),
    el("p", { class: "help" }, "Drag one onto the form, or press Enter: it comes after the selected field, and you type its label."),
  ];
}

function tabStop(editor, items, index) {
  editor.paletteAt = index;
  items.forEach((item, at) => { item.tabIndex = at === index ? 0 : -1; });
}

function onPaletteKey(editor, event, kind, items) {
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    // A key that is held down adds one alone.
    if (!event.repeat) add(editor, kind, null, { types: true });
  } else rove(items, event);
}

/** types: its label is typed next. */
function add(editor, kind, at = null, { types = false } = {}) {
  const field = model.newField(editor.draft, kind);
  const place = at ?? model.placeAfter(editor.draft, editor.selected);
  editor.commit((draft) => model.insert(draft, field, place));
  if (types) editLabel(editor);
  editor.say(`${model.titleOf(field)} added, ${where(editor, place)}${types ? `. Type its ${firstText(field)}` : ""}`);
}

/** A hidden field has no label. */
const firstText = (field) => (field.kind === "hidden" ? "name" : "label");

/** The focus goes to the selected field's label, so that what is typed replaces it. */
function editLabel(editor) {
  editor.focus(firstText(model.fieldAt(editor.draft, editor.selected)), { all: true });
}

function where(editor, place) {
  const n = editor.draft.steps[place.step].fields.length;
  const step = editor.draft.steps.length > 1 ? ` of ${model.stepTitle(editor.draft, place.step)}` : "";
  return `field ${place.index + 1} of ${n}${step}`;
}

// --- canvas -----------------------------------------------------------------------------------------------------------

export function canvas(editor) {
  const { draft } = editor;
  return [
    ...draft.steps.map((step, index) => stepPart(editor, step, index)),
    editor.mayChange && el("button", { type: "button", class: "quiet", "data-key": "add-step", onclick: () => addStep(editor) }, "+ Add a step"),
    editor.mayChange && el("p", { class: "help keys" }, "Keys on a field: ↑ ↓ choose, Alt+↑ ↓ move, Enter edits, Delete removes; Ctrl+Z brings it back."),
  ];
}

function stepPart(editor, step, index) {
  const { draft } = editor;
  const fields = step.fields ?? [];
  const name = draft.steps.length > 1 ? model.stepTitle(draft, index) : "Fields of the form";
  const list = fields.length
    ? el("div", { class: "fields", role: "listbox", "aria-label": name, "aria-orientation": "vertical" },
        fields.map((field, at) => item(editor, field, { step: index, index: at })))
    : el("p", { class: "empty" }, "No field here yet. Drag one here, or pick one of the list.");
  const part = el("section", { class: "step", "data-step": index, "aria-label": name }, draft.steps.length > 1 && stepHead(editor, step, index), list);
  if (editor.mayChange) droppable(editor, part, index);
  return part;
}

function stepHead(editor, step, index) {
  const title = el("input", {
    class: "steptitle", "aria-label": `Title of step ${index + 1}`, "data-key": `step-${index}`, value: step.title ?? "",
    placeholder: `Step ${index + 1}`, readOnly: !editor.mayChange, autocomplete: "off",
    oninput: (event) => editor.commit((draft) => { draft.steps[index].title = event.target.value; }, { tag: `step-${index}`, keep: "canvas" }),
    onchange: () => editor.rest(),
  });
  const gone = sign("✕", `Remove step ${index + 1}; its fields stay`, () => removeStep(editor, index), { key: `remove-step-${index}` });
  return el("div", { class: "stephead" }, el("span", { class: "number", "aria-hidden": "true" }, index + 1), title, editor.mayChange && gone);
}

function addStep(editor) {
  let made = 0;
  editor.commit((draft) => { made = model.addStep(draft); });
  editor.focus(`step-${made}`);
  editor.say(`Step ${made + 1} added`);
}

function removeStep(editor, step) {
  const name = model.stepTitle(editor.draft, step);
  editor.commit((draft) => { model.removeStep(draft, step); return null; });
  editor.focus("add-step");
  editor.say(`${name} removed, its fields stay`);
}

function item(editor, field, place) {
  const isSelected = editor.selected && order(editor.selected) === order(place);
  const fault = editor.faultOf(place);
  const condition = field.show_if && `shown if ${model.ruleWords(editor.draft, field.show_if)}`;
  const notes = [model.kindOf(field).label, field.kind === "hidden" && field.from_query && `from ?${field.from_query}=`, condition].filter(Boolean);
  return el(
    "div",
    {
      class: "field", role: "option", "data-key": itemKey(place), "aria-selected": isSelected ? "true" : "false",
      tabIndex: isSelected || (!model.fieldAt(editor.draft, editor.selected) && place.step === firstFilled(editor.draft) && place.index === 0) ? 0 : -1,
      draggable: editor.mayChange, onclick: () => select(editor, place),
      ondblclick: () => editLabel(editor), onkeydown: (event) => onFieldKey(editor, event, place),
      ondragstart: (event) => lift(event, { from: place }, model.titleOf(field)), ondragend: drop,
    },
    editor.mayChange && el("span", { class: "grip", "aria-hidden": "true" }, "⠿"),
    el("span", { class: "mark", "aria-hidden": "true" }, model.kindOf(field).mark),
    el("span", { class: "what" },
      el("span", { class: "title" }, model.titleOf(field), field.is_required && el("span", { class: "must" }, " required")),
      el("span", { class: "note" }, notes.join(" · ")),
      fault && el("span", { class: "bad" }, fault.message)),
  );
}

const firstFilled = (draft) => draft.steps.findIndex((step) => (step.fields ?? []).length);

function select(editor, place) {
  editor.select(place);
  editor.focus(itemKey(place));
}

function onFieldKey(editor, event, place) {
  const all = model.placed(editor.draft).map(({ step, index }) => ({ step, index }));
  const at = all.findIndex((one) => order(one) === order(place));
  const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (by && event.altKey) {
    event.preventDefault();
    if (editor.mayChange) nudge(editor, place, by);
  } else if (by || event.key === "Home" || event.key === "End") {
    event.preventDefault();
    const next = by ? all[at + by] : event.key === "Home" ? all[0] : all.at(-1);
    if (next) select(editor, next);
  } else if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    editor.select(place);
    editLabel(editor);
  } else if ((event.key === "Delete" || event.key === "Backspace") && editor.mayChange) {
    event.preventDefault();
    removeField(editor, place);
  }
}

export function nudge(editor, place, by) {
  const title = model.titleOf(model.fieldAt(editor.draft, place));
  let next = null;
  const copy = structuredClone(editor.draft);
  if (!model.nudge(copy, place, by)) {
    editor.say(`${title} stands ${by < 0 ? "first" : "last"} already`);
    return;
  }
  editor.commit((draft) => { next = model.nudge(draft, place, by); return next; });
  editor.focus(itemKey(next));
  editor.say(`${title} moved, ${where(editor, next)}`);
}

export function removeField(editor, place) {
  const title = model.titleOf(model.fieldAt(editor.draft, place));
  editor.commit((draft) => {
    model.remove(draft, place);
    const left = draft.steps[place.step].fields.length;
    return left ? { step: place.step, index: Math.min(place.index, left - 1) } : null;
  });
  editor.focus(editor.selected ? itemKey(editor.selected) : "kind-text");
  editor.say(`${title} removed. Ctrl+Z brings it back`);
}

// --- drag -------------------------------------------------------------------------------------------------------------

function lift(event, what, label) {
  dragged = what;
  event.dataTransfer.effectAllowed = "copyMove";
  event.dataTransfer.setData("text/plain", label);
}

function drop(event) {
  dragged = null;
  for (const marked of event.target.getRootNode().querySelectorAll("[data-drop]")) delete marked.dataset.drop;
}

/** Where in the step the pointer is: before the first field whose middle lies below it. */
function indexAt(part, y) {
  const items = [...part.querySelectorAll(".field")];
  const at = items.findIndex((one) => y < one.getBoundingClientRect().top + one.offsetHeight / 2);
  return { items, index: at < 0 ? items.length : at };
}

function droppable(editor, part, step) {
  part.addEventListener("dragover", (event) => {
    if (!dragged) return;
    event.preventDefault();
    for (const marked of part.parentNode.querySelectorAll("[data-drop]")) delete marked.dataset.drop;
    const { items, index } = indexAt(part, event.clientY);
    if (!items.length) part.dataset.drop = "into";
    else if (index < items.length) items[index].dataset.drop = "before";
    else items.at(-1).dataset.drop = "after";
  });
  part.addEventListener("drop", (event) => {
    if (!dragged) return;
    event.preventDefault();
    const place = { step, index: indexAt(part, event.clientY).index };
    const { kind, from } = dragged;
    dragged = null;
    if (kind) add(editor, kind, place);
    else {
      const title = model.titleOf(model.fieldAt(editor.draft, from));
      editor.commit((draft) => model.move(draft, from, place));
      editor.say(`${title} moved, ${where(editor, editor.selected)}`);
    }
    select(editor, editor.selected);
  });
}
