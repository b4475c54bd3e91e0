// The builder of one form: ties the draft, its panels, the preview and saving together. Streamlit calls the default
// function again whenever what the server says has changed; the editor and what has the focus stay as they are.

import * as canvasPart from "./canvas.js";
import { button, sign } from "./controls.js";
import { byKey, el, redraw, rove } from "./elements.js";
import { looks, settings } from "./form_panels.js";
import { History } from "./history.js";
import { inspector } from "./inspector.js";
import * as model from "./model.js";
import { Preview } from "./preview.js";
import { Saving } from "./saving.js";
import { texts } from "./texts_panel.js";

const TABS = [["fields", "Fields"], ["looks", "Looks"], ["texts", "Texts"], ["settings", "Settings"]];
const PANELS = { looks, texts, settings };

/** By form: the editor outlives a page that is drawn anew, and with it what can be undone. */
const editors = new Map();

class Editor {
  constructor(data) {
    this.data = data;
    this.history = new History(data.definition);
    this.saving = new Saving({
      revision: data.revision, definition: data.definition, read: () => this.draft, tell: () => this.drawStanding(),
    });
    this.tab = "fields";
    this.refreshers = {};
    this.#frame();
    this.drawAll();
  }

  get draft() { return this.history.present; }
  get selected() { return this.history.selected; }
  get mayChange() { return this.data.may_change; }

  // --- what panels call ---

  /** keep: the panel that is typed in stays as it is drawn. */
  commit(change, { tag = null, keep = null } = {}) {
    if (!this.mayChange) return;
    this.history.commit(change, tag);
    this.#changed(keep);
  }

  rest() { this.history.rest(); }

  select(place) {
    this.history.selected = place;
    this.history.rest();
    this.draw("canvas");
    this.draw("inspector");
  }

  /** all: what stands in it is selected. */
  focus(key, { all = false } = {}) {
    const found = byKey(this.root, key);
    found?.focus();
    if (all) found?.select?.();
  }

  say(words) {
    // The same words twice are two announcements.
    this.live.textContent = this.live.textContent === words ? `${words}\u00a0` : words;
  }

  faultsOf(place) {
    return this.data.faults.filter((one) => one.step === place.step && one.index === place.index);
  }

  faultOf(place) { return this.faultsOf(place)[0]; }

  // --- frame and drawing ---

  #frame() {
    this.live = el("div", { class: "unseen", role: "status", "aria-live": "polite" });
    this.standing = el("span", { class: "standing", role: "status" });
    this.undoButton = sign("↶", "Undo", () => this.step("undo"), { key: "undo" });
    this.redoButton = sign("↷", "Redo", () => this.step("redo"), { key: "redo" });
    this.tabButtons = TABS.map(([name, label]) => el("button", {
      type: "button", role: "tab", id: `tab-${name}`, "data-key": `tab-${name}`, "aria-controls": "panel",
      onclick: () => this.open(name), onkeydown: (event) => rove(this.tabButtons, event, { move: (tab) => { tab.click(); tab.focus(); } }),
    }, label));
    this.notice = el("div", {});
    this.faults = el("div", {});
    this.parts = {
      palette: el("div", { class: "palette" }), canvas: el("div", { class: "canvas" }), inspector: el("div", { class: "inspector" }),
    };
    this.panel = el("div", { class: "panel", role: "tabpanel", id: "panel", tabIndex: -1 });
    this.preview = new Preview(this);
    const tabs = el("div", { class: "tabs", role: "tablist", "aria-label": "Parts of the form" }, this.tabButtons);
    const done = this.mayChange && el("div", { class: "done" }, this.standing, this.undoButton, this.redoButton);
    this.root = el("div", { class: "root" },
      el("div", { class: "bar" }, tabs, done), this.notice, this.faults,
      el("div", { class: "work" }, this.panel, this.preview.part), this.live);
    this.root.addEventListener("keydown", (event) => this.#onKey(event));
    // Streamlit listens for single letters (R runs the page again); what is typed here is not for it.
    for (const kind of ["keydown", "keyup", "keypress"]) this.root.addEventListener(kind, (event) => event.stopPropagation());
    this.root.addEventListener("focusout", () => this.saving.flush());
  }

  open(name) {
    this.tab = name;
    this.drawAll();
  }

  drawAll() {
    for (const [at, [name]] of TABS.entries()) {
      this.tabButtons[at].setAttribute("aria-selected", String(name === this.tab));
      this.tabButtons[at].tabIndex = name === this.tab ? 0 : -1;
    }
    this.panel.setAttribute("aria-labelledby", `tab-${this.tab}`);
    this.panel.dataset.tab = this.tab;
    if (this.tab === "fields") {
      const parts = this.mayChange ? Object.values(this.parts) : [this.parts.canvas, this.parts.inspector];
      if (this.panel.firstChild !== parts[0]) this.panel.replaceChildren(...parts);
      for (const name of Object.keys(this.parts)) this.draw(name);
    } else this.draw(this.tab);
    this.drawStanding();
    this.preview.changed();
  }

  draw(name) {
    if (name in this.parts) {
      if (this.tab !== "fields") return;
      const made = { palette: canvasPart.palette, canvas: canvasPart.canvas, inspector }[name];
      redraw(this.parts[name], made(this).filter(Boolean));
    } else if (name === this.tab) {
      const children = PANELS[name](this).filter(Boolean);
      redraw(this.panel, this.mayChange ? children : [el("fieldset", { class: "readonly", disabled: name !== "texts" }, children)]);
    }
  }

  #changed(keep) {
    for (const name of ["canvas", "inspector", "looks", "texts", "settings"]) if (name !== keep) this.draw(name);
    if (keep) this.refreshers[keep]?.();
    this.preview.changed();
    this.saving.changed();
  }

  drawStanding() {
    this.undoButton.disabled = !this.history.past.length;
    this.redoButton.disabled = !this.history.future.length;
    if (this.standing.textContent !== this.saving.words) this.standing.textContent = this.saving.words;
    this.#drawNotice();
    this.#drawFaults();
  }

  #drawNotice() {
    const { conflict, problem } = this.saving;
    const wanted = conflict ? `conflict ${conflict.revision}` : problem;
    if (this.notice.dataset.shown === wanted) return;
    this.notice.dataset.shown = wanted;
    if (conflict) this.notice.replaceChildren(this.#conflict(conflict));
    else if (problem) this.notice.replaceChildren(el("div", { class: "notice", role: "alert" }, el("p", {}, problem), button("Try again", () => this.saving.flush(), { key: "try-again" })));
    else this.notice.replaceChildren();
  }

  #conflict(conflict) {
    const mine = () => {
      // Undo leads back to what the other one saved.
      this.history.past.push({ definition: conflict.definition, selected: null });
      this.saving.insist();
      this.say("Your version is kept; undo leads to the other");
    };
    const theirs = () => {
      this.history.commit((draft) => { replace(draft, conflict.definition); return null; });
      this.saving.adopt(conflict.revision, conflict.definition);
      this.drawAll();
      this.say("The other version is shown; undo leads to yours");
    };
    return el("div", { class: "notice", role: "alert" },
      el("p", {}, el("strong", {}, "Somebody else saved this form while you edited it."), " Yours is not saved yet. From theirs to yours:"),
      el("ul", {}, conflict.changes.map((one) => el("li", {}, one))),
      el("div", { class: "actions" }, button("Keep mine", mine, { key: "mine" }), button("Take theirs", theirs, { key: "theirs" })),
      el("p", { class: "help" }, "Nothing is lost: undo leads from the one to the other."));
  }

  #drawFaults() {
    const { faults } = this.data;
    const wanted = JSON.stringify(faults);
    if (this.faults.dataset.shown === wanted) return;
    this.faults.dataset.shown = wanted;
    const links = faults.map((one) => el("li", {}, one.step === null && !one.tab ? one.message
      : button(one.title ? `${one.title}: ${one.message}` : one.message, () => this.#goTo(one), { class: "link" })));
    const title = faults.length === 1 ? "One thing is missing before it can be published" : `${faults.length} things are missing before it can be published`;
    this.faults.replaceChildren(...(links.length ? [el("div", { class: "faults" }, el("h3", {}, title), el("ul", {}, links))] : []));
  }

  #goTo(fault) {
    this.open(fault.tab ?? "fields");
    if (fault.index === null) return this.focus(fault.step === null ? fault.key : `step-${fault.step}`);
    this.select({ step: fault.step, index: fault.index });
    this.focus(byKey(this.root, fault.key ?? "label") ? fault.key ?? "label" : canvasPart.itemKey(this.selected));
  }

  // --- undo and keys ---

  step(way) {
    if (!this.mayChange || !this.history[way]()) return;
    const had = this.root.getRootNode().activeElement;
    this.drawAll();
    // What was typed in may be gone with its field; keys must still be heard, or nothing could be done again.
    if (had && !this.root.contains(had) && !this.root.getRootNode().activeElement) this.#catchFocus();
    this.saving.changed();
    this.say(way === "undo" ? "Undone" : "Done again");
  }

  #catchFocus() {
    if (this.tab !== "fields") this.panel.focus();
    else if (model.fieldAt(this.draft, this.selected)) this.focus(canvasPart.itemKey(this.selected));
    else this.parts.palette.querySelector("[tabindex='0']")?.focus();
  }

  #onKey(event) {
    if (event.key === "Escape" && this.parts.inspector.contains(event.target) && this.selected) {
      this.focus(canvasPart.itemKey(this.selected));
    }
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    const way = key === "z" ? (event.shiftKey ? "redo" : "undo") : key === "y" ? "redo" : null;
    if (!way) return;
    event.preventDefault();
    this.step(way);
  }

  // --- what the server says ---

  heard(data, send) {
    const isJudgedAnew = JSON.stringify(data.faults) !== JSON.stringify(this.data.faults);
    this.data = data;
    this.saving.send = send;
    this.saving.heard(data.ack);
    if (data.revision > this.saving.revision && this.saving.isClean) {
      if (JSON.stringify(data.definition) !== JSON.stringify(this.draft)) {
        this.history.commit((draft) => { replace(draft, data.definition); return null; });
        this.saving.adopt(data.revision, data.definition);
        this.drawAll();
      } else this.saving.adopt(data.revision, data.definition);
    }
    this.drawStanding();
    // What is dragged at the moment must not be drawn anew.
    if (isJudgedAnew && !canvasPart.isDragging()) this.draw("canvas");
  }
}

function replace(draft, other) {
  for (const name of Object.keys(draft)) delete draft[name];
  Object.assign(draft, structuredClone(other));
}

addEventListener("beforeunload", (event) => {
  for (const { saving, mayChange } of editors.values()) {
    saving.flush();
    if (mayChange && !saving.isClean) event.preventDefault();
  }
});

export default function ({ data, parentElement, setStateValue }) {
  const place = parentElement.querySelector(".builder");
  let editor = editors.get(data.form_id);
  if (!editor) {
    editor = new Editor(data);
    editors.set(data.form_id, editor);
  }
  const had = editor.root.getRootNode().activeElement?.dataset.key;
  if (editor.root.parentNode !== place) place.replaceChildren(editor.root);
  editor.heard(data, (value) => setStateValue("draft", value));
  if (had && !editor.root.contains(editor.root.getRootNode().activeElement)) editor.focus(had);
  return () => editor.saving.flush();
}
