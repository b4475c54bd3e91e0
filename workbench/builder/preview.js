// The draft as visitors meet it: the widget itself, in a frame of its own that reaches nothing. What it asks for is
// answered here; what is sent from it goes nowhere, so a preview never makes a lead.

import { el } from "./elements.js";
import * as model from "./model.js";

const QUIET_MS = 250;
const KEY = "preview";

/** Runs in the frame, before the widget: the definition comes by message, and whatever the widget asks is answered here. */
function frameScript() {
  let form = null;
  const answer = (status, body) => new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
  window.fetch = async (address, options) => {
    if (options?.method === "POST") return answer(202, { status: "accepted", lead_id: "preview" });
    return String(address).includes("/public/forms/") ? answer(200, form) : answer(404, {});
  };
  navigator.sendBeacon = () => true;
  addEventListener("message", ({ source, data }) => {
    if (source !== parent || !data?.form) return;
    form = data.form;
    const script = document.createElement("script");
    script.textContent = data.widget;
    const attributes = { form: form.key, endpoint: "https://preview.invalid", lang: data.language, remember: "no" };
    for (const [name, value] of Object.entries(attributes)) script.setAttribute(`data-${name}`, value);
    document.documentElement.lang = data.language;
    document.body.replaceChildren(script);
  });
  parent.postMessage({ preview: "ready" }, "*");
}

export class Preview {
  constructor(editor) {
    this.editor = editor;
    this.isReady = false;
    this.shown = null;
    this.frame = el("iframe", { title: "Preview of the form", sandbox: "allow-scripts allow-forms", class: "frame" });
    this.frame.srcdoc = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Preview</title><style>body{margin:16px;font-family:system-ui,sans-serif}</style><script>(${frameScript})()</script></head><body></body></html>`;
    this.onMessage = (event) => {
      if (event.source !== this.frame.contentWindow || event.data?.preview !== "ready") return;
      this.isReady = true;
      this.shown = null;
      this.show();
    };
    addEventListener("message", this.onMessage);
    this.languages = el("select", { "aria-label": "Language of the preview", "data-key": "preview-language", onchange: () => this.show() });
    this.part = el("aside", { class: "preview", "aria-label": "Preview" },
      el("div", { class: "previewhead" }, el("h3", {}, "Preview"), this.languages),
      editor.data.widget ? this.frame : el("p", { class: "help" }, "The widget is not built on this machine, so there is no preview."),
      el("p", { class: "help" }, "The widget itself with this draft. What you send here goes nowhere."));
  }

  changed() {
    clearTimeout(this.later);
    this.later = setTimeout(() => this.show(), QUIET_MS);
  }

  show() {
    this.#offerLanguages();
    if (!this.isReady) return;
    const { draft, data } = this.editor;
    const message = { form: model.publicForm(draft, data.defaults, KEY), language: this.languages.value, widget: data.widget };
    // What somebody tries out stays, unless the form itself is another one.
    const text = JSON.stringify(message);
    if (text === this.shown) return;
    this.shown = text;
    this.frame.contentWindow.postMessage(message, "*");
  }

  #offerLanguages() {
    const { draft } = this.editor;
    const offered = [draft.language ?? "en", ...Object.keys(draft.translations ?? {})];
    const chosen = offered.includes(this.languages.value) ? this.languages.value : offered[0];
    this.languages.replaceChildren(...offered.map((one) => el("option", { value: one, selected: one === chosen }, one)));
    this.languages.hidden = offered.length < 2;
  }

  end() {
    clearTimeout(this.later);
    removeEventListener("message", this.onMessage);
  }
}
