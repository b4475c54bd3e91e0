// Labelled inputs of the panels. Each is reached by its data-key, so that a redrawn panel finds the focus again.

import { el, newId } from "./elements.js";

/** A control under its label, with a help line that screen readers are told. */
function labelled(label, control, help, { inline = false } = {}) {
  const id = newId("control");
  control.id = id;
  const parts = [el("label", { for: id }, label)];
  if (help) {
    const helpId = `${id}-help`;
    control.setAttribute("aria-describedby", helpId);
    parts.push(el("span", { class: "help", id: helpId }, help));
  }
  return el("div", { class: inline ? "control inline" : "control" }, inline ? [control, ...parts] : [parts[0], control, ...parts.slice(1)]);
}

/** change(text): on each key; rest(): when it is left, so that what comes next is undone apart. */
export function text({ key, label, value, change, help, rows, type = "text", rest, ...more }) {
  const attributes = {
    "data-key": key, value: value ?? "", spellcheck: "false", autocomplete: "off", ...more,
    oninput: (event) => change(event.target.value), onchange: () => rest?.(),
  };
  const control = rows ? el("textarea", { rows, ...attributes }) : el("input", { type, ...attributes });
  return labelled(label, control, help);
}

/** null where nothing is entered. */
export function number({ change, value, ...more }) {
  const asNumber = (typed) => change(typed === "" || Number.isNaN(Number(typed)) ? null : Number(typed));
  return text({ ...more, type: "number", value: value ?? "", change: asNumber });
}

export function tick({ key, label, value, change, help, disabled }) {
  const control = el("input", {
    type: "checkbox", "data-key": key, checked: Boolean(value), disabled, onchange: (event) => change(event.target.checked),
  });
  return labelled(label, control, help, { inline: true });
}

/** options: [value, label] pairs. */
export function pick({ key, label, value, options, change, help, disabled }) {
  const control = el(
    "select", { "data-key": key, disabled, onchange: (event) => change(event.target.value) },
    options.map(([one, name]) => el("option", { value: one, selected: one === value }, name)),
  );
  return labelled(label, control, help);
}

/** One entry a line. */
export function lines({ value, change, ...more }) {
  const split = (typed) => change(typed.split("\n").map((one) => one.trim()).filter(Boolean));
  return text({ rows: 3, ...more, value: (value ?? []).join("\n"), change: split });
}

export function button(label, onclick, { key, ...more } = {}) {
  return el("button", { type: "button", "data-key": key, onclick, ...more }, label);
}

/** A button with a sign alone; its name is said and shown on hover. */
export function sign(mark, name, onclick, { key, ...more } = {}) {
  return el("button", { type: "button", class: "sign", "aria-label": name, title: name, "data-key": key, onclick, ...more },
    el("span", { "aria-hidden": "true" }, mark));
}

export function group(title, ...children) {
  return el("fieldset", {}, el("legend", {}, title), ...children);
}
