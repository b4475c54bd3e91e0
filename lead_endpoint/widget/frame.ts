// A form in an iframe, and the page around it. On the page of the form (`data-form`) it tells the page around it, if that
// is one of `data-parents` (none named: any), the height, asks where the visitor came from, and then starts the widget.
// On the page around it sizes the frames that tell it, and says where its visitor came from.

import { store } from "./storage";
import { type Touch, touches } from "./touches";

const script = document.currentScript as HTMLScriptElement;
const { form, parents = "", remember } = script.dataset;
const EVERY_MS = 100;
/** So often the page around is asked: it may have no such script, or not yet. */
const MOST_ASKED = 5;

interface Told { slms?: string; height?: number; asks?: boolean; touches?: Touch[] }

function inside(form: string, allowed: string[]): void {
  const around = location.ancestorOrigins?.[0] ?? (document.referrer && new URL(document.referrer).origin);
  if (parent === window || !around || (allowed.length && !allowed.includes(around))) return start();
  const say = (more: Told): void => parent.postMessage({ slms: form, ...more }, around);
  new ResizeObserver(() => say({ height: Math.ceil(document.documentElement.offsetHeight) }))
    .observe(document.documentElement);
  addEventListener("message", ({ origin, source, data }: MessageEvent<Told | null>) => {
    if (origin === around && source === parent && data?.slms === form && Array.isArray(data.touches)) {
      start(data.touches);
    }
  });
  let asked = 0;
  const ask = (): void => {
    if (asked++ < MOST_ASKED) {
      say({ asks: true });
      setTimeout(ask, EVERY_MS);
    } else start();
  };
  ask();
}

/** Makes the widget's element out of the one that waits (`data-src`), once. */
function start(known?: Touch[]): void {
  const waiting = document.querySelector("script[data-src]");
  if (!waiting) return;
  const made = document.createElement("script");
  for (const { name, value } of waiting.attributes) {
    if (name !== "type") made.setAttribute(name === "data-src" ? "src" : name, value);
  }
  if (known) made.dataset.touches = JSON.stringify(known);
  waiting.replaceWith(made);
}

function around(origin: string): void {
  const known = touches(store("localStorage", remember === "no"));
  addEventListener("message", ({ origin: sender, source, data }: MessageEvent<Told | null>) => {
    if (sender !== origin || !data?.slms) return;
    for (const frame of document.querySelectorAll("iframe")) {
      if (frame.contentWindow !== source) continue;
      if (Number(data.height) > 0) frame.height = String(data.height);
      if (data.asks) frame.contentWindow!.postMessage({ slms: data.slms, touches: known }, origin);
    }
  });
}

if (form) inside(form, parents.split(" ").filter(Boolean));
else around(new URL(script.src).origin);
