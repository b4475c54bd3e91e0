// The draft as it is edited, with everything that was done to it: undo and redo, and what is selected.

export const MOST_STEPS_BACK = 300;

export class History {
  constructor(definition) {
    this.present = definition;
    this.selected = null;
    this.past = [];
    this.future = [];
    this.tag = null;
  }

  /** Changes a copy. tag: names what is typed in; consecutive changes under one tag are undone together. */
  commit(change, tag = null) {
    const next = structuredClone(this.present);
    const selected = change(next);
    if (tag === null || tag !== this.tag) this.#remember();
    this.tag = tag;
    this.future = [];
    this.present = next;
    if (selected !== undefined) this.selected = selected;
  }

  /** The next change is undone on its own, even under the same tag. */
  rest() {
    this.tag = null;
  }

  undo() {
    return this.#step(this.past, this.future);
  }

  redo() {
    return this.#step(this.future, this.past);
  }

  #remember() {
    this.past.push({ definition: this.present, selected: this.selected });
    if (this.past.length > MOST_STEPS_BACK) this.past.shift();
  }

  #step(from, to) {
    const found = from.pop();
    if (!found) return false;
    to.push({ definition: this.present, selected: this.selected });
    this.present = found.definition;
    this.selected = found.selected;
    this.tag = null;
    return true;
  }
}
