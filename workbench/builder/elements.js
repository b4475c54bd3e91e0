// Makes DOM nodes. Texts of people go in as text alone, never as markup.

export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) set(node, name, value);
  node.append(...children.flat().filter((one) => one !== null && one !== undefined && one !== false));
  return node;
}

const AS_PROPERTY = new Set(["value", "checked", "disabled", "selected", "tabIndex", "hidden", "draggable", "readOnly"]);

function set(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (AS_PROPERTY.has(name)) node[name] = value;
  else node.setAttribute(name, value === true ? "" : value);
}

let numbers = 0;
export const newId = (name) => `${name}-${(numbers += 1)}`;

/** Draws a part anew and gives the focus back, with its selection, to what had it; parts are told apart by data-key. */
export function redraw(part, children) {
  const had = part.getRootNode().activeElement;
  const key = had && part.contains(had) ? had.dataset.key : null;
  const [start, end] = key && "selectionStart" in had ? [had.selectionStart, had.selectionEnd] : [null, null];
  part.replaceChildren(...children);
  const next = key && byKey(part, key);
  if (!next) return;
  next.focus({ preventScroll: true });
  if (start !== null && "setSelectionRange" in next && next.type !== "number" && next.type !== "color") {
    next.setSelectionRange(start, end);
  }
}

export function byKey(part, key) {
  return part.querySelector(`[data-key="${CSS.escape(key)}"]`);
}

/** Arrow keys, Home and End move among the items, of which one alone is reached by Tab. */
export function rove(items, event, { move = (item) => item.focus() } = {}) {
  const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
  const at = items.indexOf(event.currentTarget);
  let next = null;
  if (event.key in steps) next = items[at + steps[event.key]];
  if (event.key === "Home") [next] = items;
  if (event.key === "End") next = items.at(-1);
  if (!(event.key in steps) && next === null) return false;
  event.preventDefault();
  if (next) move(next);
  return true;
}
