// Saves the draft by itself: one save on its way at a time, each on the revision that it was made from.
// What comes back says whether it was taken; where somebody else saved meanwhile, a person chooses, and both stay.

const IDLE_MS = 700;
const PATIENCE_MS = 8000;
export const CLIENT = Math.random().toString(36).slice(2, 12);

export class Saving {
  constructor({ revision, definition, read, tell }) {
    this.revision = revision;
    this.saved = JSON.stringify(definition);
    this.read = read;
    this.tell = tell;
    this.send = () => {};
    this.number = 0;
    this.under = null;
    this.conflict = null;
    this.problem = "";
  }

  get isClean() {
    return !this.under && JSON.stringify(this.read()) === this.saved;
  }

  get words() {
    if (this.conflict) return "Not saved: it was changed elsewhere";
    if (this.problem) return "Not saved";
    return this.isClean ? "All changes saved" : "Saving …";
  }

  changed() {
    clearTimeout(this.idle);
    this.idle = setTimeout(() => this.flush(), IDLE_MS);
    this.tell();
  }

  /** Sends what is not saved yet, unless a save is on its way or a person has to choose first. */
  flush() {
    clearTimeout(this.idle);
    if (this.under || this.conflict || this.isClean) return;
    const text = JSON.stringify(this.read());
    this.number += 1;
    this.under = { number: this.number, text };
    this.#post();
    this.tell();
  }

  /** answer: what became of the last save that the server heard of. */
  heard(answer) {
    if (!this.under || answer?.client !== CLIENT || answer.number !== this.under.number) return;
    clearTimeout(this.late);
    const { text } = this.under;
    this.under = null;
    this.problem = answer.problem ?? "";
    this.conflict = answer.conflict ?? null;
    if (!this.problem && !this.conflict) {
      this.revision = answer.revision;
      this.saved = text;
      if (!this.isClean) this.changed();
    }
    this.tell();
  }

  /** The draft as it now stands on the server is the one that is edited. */
  adopt(revision, definition) {
    this.revision = revision;
    this.saved = JSON.stringify(definition);
    this.conflict = null;
    this.problem = "";
  }

  /** Goes on from the other's revision with what is here. */
  insist() {
    this.revision = this.conflict.revision;
    this.conflict = null;
    this.saved = "";
    this.flush();
  }

  #post() {
    const { number, text } = this.under;
    this.send({ client: CLIENT, number, revision: this.revision, definition: JSON.parse(text) });
    // A lost connection takes the save along; the same one again is recognised.
    this.late = setTimeout(() => this.under && this.#post(), PATIENCE_MS);
  }
}
