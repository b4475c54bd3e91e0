// What stands around the form: a shadow root that no style of the page reaches into, and what is said instead of the
// form: that it waits, that it is done.

import type { Theme } from "./definition";
import { h, linked } from "./element";
import CSS from "./widget.css";

export interface Shell {
  outer: HTMLElement;
  show(content: HTMLElement): void;
  /** A message in place of everything else. It takes the focus where the visitor was in what it replaces. */
  say(kind: "done" | "wait", text: string, ...more: HTMLElement[]): void;
  dress(theme: Theme, language: string, mode: string | undefined): void;
}

export function shell(language: string, nonce: string): Shell {
  const outer = h("div", { lang: language });
  const root = outer.attachShadow({ mode: "open" });
  const frame = h("div", { class: "f", dir: "auto" });
  root.append(frame);
  addStyle(root, nonce);
  return {
    outer,
    show: (content) => frame.replaceChildren(content),
    say(kind, text, ...more) {
      const wasHere = root.activeElement;
      const message = h("div", { class: kind, role: "status", tabindex: -1 }, h("p", {}, ...linked(text)), ...more);
      frame.replaceChildren(message);
      if (wasHere) message.focus();
    },
    dress(theme, spoken, mode) {
      outer.lang = spoken;
      dress(frame, theme, mode || theme.mode);
    },
  };
}

function addStyle(root: ShadowRoot, nonce: string): void {
  try {
    // Not subject to the page's policy, unlike an element.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    root.adoptedStyleSheets = [sheet];
  } catch {
    root.append(h("style", { nonce }, CSS));
  }
}

/** Each value is a custom property below the page's own (`--slms-accent` …); CSS makes the rest of them. */
function dress(frame: HTMLElement, theme: Theme, mode: string): void {
  for (const [name, value] of Object.entries(theme)) {
    frame.style.setProperty(`--t-${name}`, value as string);
  }
  frame.className = `f ${mode}`;
}
