// The form on the screen: steps, conditions, faults. It knows nothing of the network.

import type { Signal } from "./beacons";
import { type Answers, type Definition, type Values, visible } from "./definition";
import { button, h } from "./element";
import { draw } from "./fields";
import { fill, type Words } from "./texts";

export interface Fault { field: string; message: string }

export interface FormView {
  element: HTMLElement;
  busy(isBusy: boolean): void;
  /** Shows what the server found, at the fields that it names; the rest on top. */
  refuse(faults: Fault[]): void;
}

/** given: what the fields start with, hidden ones included. send: takes the answers in fields that are shown. */
export function form(
  definition: Definition, given: Values, words: Words, language: string,
  tell: (signal: Signal) => void, send: (answers: Answers) => void,
): FormView {
  const drawn = definition.steps.map((step) =>
    step.fields.filter((one) => one.kind !== "hidden").map((one) => draw(one, given[one.name], words, language)));
  const controls = drawn.flat();
  const sections = drawn.map((step) => h("div", { class: "step" }, ...step.map((one) => one.box)));
  const heading = h("h3", { tabindex: -1 });
  const summary = h("div", { class: "summary", role: "alert", tabindex: -1 });
  const back = button("back", words.back, () => go(-1));
  const next = button("go", "");
  let at = 0;
  let isBusy = false;
  let shown: Set<string>;
  /** The steps that have something to show. */
  let path: number[];

  const values = (): Values => ({ ...given, ...Object.fromEntries(controls.map((one) => [one.name, one.read()])) });

  const refresh = (): void => {
    shown = visible(definition.steps, values());
    for (const one of controls) one.box.hidden = !shown.has(one.name);
    path = [...drawn.keys()].filter((step) => drawn[step].some((one) => !one.box.hidden));
    sections.forEach((one, step) => (one.hidden = step !== at));
    const place = path.indexOf(at);
    const several = path[1] && fill(words.step, place + 1, path.length);
    heading.textContent = [several, definition.steps[at].title].filter(Boolean).join(": ");
    back.hidden = place < 1;
    next.textContent = isBusy ? words.sending : path[place + 1] ? words.next : words.send;
    (next.ariaDisabled as unknown) = isBusy;
  };

  const go = (by: number): void => {
    at = path[path.indexOf(at) + by];
    show([]);
    heading.focus();
    if (by > 0) tell({ kind: "step", step: path.indexOf(at) + 1 });
  };

  const input = ({ target }: Event): void => {
    refresh();
    // What was told to be wrong is taken back as soon as it is right; nothing is told before it is sent.
    for (const one of controls) if (one.box.contains(target as Node) && !one.fault()) one.say("");
  };

  const submit = (event: Event): void => {
    event.preventDefault();
    if (isBusy) return;
    const faults = drawn[at].filter((one) => !one.box.hidden)
      .map((one) => ({ field: one.name, message: one.fault() })).filter((one) => one.message);
    if (faults[0]) return refuse(faults);
    if (path[path.indexOf(at) + 1]) return go(1);
    show([]);
    const all = Object.entries(values()).filter(([name, [value]]) => shown.has(name) && value);
    send(Object.fromEntries(all.map(([name, list]) => [name, list[1] ? list : list[0]])));
  };

  const refuse = (faults: Fault[]): void => {
    const first = controls.find((one) => faults.some(({ field }) => field === one.name));
    if (first) at = drawn.findIndex((step) => step.includes(first));
    show(faults);
    (first ?? summary).focus();
    tell({ kind: "error", field: first?.name });
  };

  /** Each fault at its field, and all of them on top. */
  const show = (faults: Fault[]): void => {
    for (const one of controls) one.say(faults.find(({ field }) => field === one.name)?.message ?? "");
    summary.replaceChildren(...faults.map(({ field, message }) => {
      const label = controls.find((one) => one.name === field)?.label;
      return h("p", {}, label ? `${label}: ${message}` : message);
    }));
    if (faults[0]) summary.prepend(words.check);
    refresh();
  };

  const element = h(
    "form", { novalidate: true, submit, input }, h("h2", {}, definition.title), heading, summary, ...sections,
    h("div", { class: "row" }, back, next));
  element.addEventListener("input", () => tell({ kind: "start" }), { once: true });
  refresh();
  return {
    element,
    refuse,
    busy(now) {
      isBusy = now;
      refresh();
    },
  };
}
