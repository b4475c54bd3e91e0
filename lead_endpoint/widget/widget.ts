// The script that a website embeds: one form where its element stands. Each element runs it anew, so that several on a
// page know nothing of one another, and no global is made.

import { beacons, onceSeen } from "./beacons";
import type { Answers, Definition } from "./definition";
import { button } from "./element";
import { type Fault, form } from "./form";
import { given } from "./given";
import { insist, KEPT_MS, type Waiting } from "./sending";
import { shell } from "./shell";
import { newId, store } from "./storage";
import { languageOf, translate, wordsOf } from "./texts";
import { type Touch, TOUCHES, touches } from "./touches";

const VISIT = "slms:visit";

async function run(script: HTMLScriptElement): Promise<void> {
  const data = script.dataset;
  const key = data.form!;
  const base = (data.endpoint ?? new URL(script.src).origin).replace(/\/$/, "");
  const page = location.origin + location.pathname;
  const isOff = data.remember === "no";
  const kept = store("localStorage", isOff);
  const visits = store("sessionStorage", isOff);
  let visit = (visits.get(VISIT) ?? newId()) as string;
  // The mark of the site's own people stands in the visit's id: it stays with the tab, and goes with the lead.
  if (/slms_staff=1/.test(location.search)) visit = visit.replace(/$|-staff$/, "-staff");
  // In a frame, the page around says more than this one knows.
  const _touches = data.touches ? (JSON.parse(data.touches) as Touch[]) : touches(kept);
  visits.set(VISIT, visit);

  const address = `${base}/public/forms/${key}`;
  const wishes = [data.lang === "auto" ? navigator.language : data.lang, script.closest<HTMLElement>("[lang]")?.lang]
    .filter(Boolean) as string[];
  const spot = document.querySelector(data.replace || data.target || "_");
  const outbox = store("localStorage");
  const slot = `slms:lead:${key}`;
  const frame = shell(wishes[0] ?? "en", script.nonce!);
  let waiting = outbox.get(slot) as Waiting | null | undefined;
  if (waiting?.at! < Date.now() - KEPT_MS) waiting = null;
  let words = wordsOf(frame.outer.lang);

  /** Where it shall be. A plain form that somebody is filling in is left alone. */
  const stand = (): void => {
    if (frame.outer.isConnected || spot?.matches(":focus-within")) return;
    if (!spot) script.after(frame.outer);
    else if (data.replace) spot.replaceWith(frame.outer);
    else spot.append(frame.outer);
  };

  const say = (text: string, ...more: HTMLElement[]): void => {
    // A plain form that is to be replaced is better than a message, as long as nothing waits.
    if (data.replace && spot?.isConnected && !waiting) return;
    stand();
    frame.say("wait", text, ...more);
  };

  const sayWait = (again: () => void): void =>
    say(waiting ? words.waiting : words.failed, button("go", words.again, again));

  const answered = await insist(address, {}, sayWait);
  const definition = (await answered.json().catch(() => ({}))) as Definition & { detail?: string };
  // Not here, or closed: the server says so in the form's words.
  if (!answered.ok) return say(definition.detail ?? words.failed);
  const language = languageOf(definition, wishes);
  translate(definition, language);
  const { version, token, least_fill_s, thank_you, theme, proof_of_work } = definition;
  words = wordsOf(language, definition.words);
  frame.dress(theme, language, data.mode);
  const shownAt = Date.now();

  const tell = beacons(`${base}/public/beacons`, {
    form: key, version, visit, page, source: data.source, campaign: data.campaign, touch: _touches.at(-1),
    automated: navigator.webdriver,
  });
  const prove = async (): Promise<string> => {
    if (!proof_of_work) return "";
    const work = (await import(`${base}/widget.work.v1.js`)) as typeof import("./work");
    return work.prove(proof_of_work, `${address}/challenge`);
  };

  const send = async (answers: Answers): Promise<void> => {
    view.busy(true);
    tell({ kind: "submit" });
    const _altcha = await prove().catch(() => "");
    // Browsers fill forms in within a moment; who is quicker than a person would look like a program.
    await new Promise((resolve) => setTimeout(resolve, shownAt + least_fill_s * 1000 + 50 - Date.now()));
    const body = JSON.stringify({
      ...answers, form: key, _version: version, _token: token, _visit: visit, _filled_ms: Date.now() - shownAt, _altcha,
      _language: language, _page: page, _touches, _source: data.source, _campaign: data.campaign,
      organization_id: data.organization,
    });
    await deliver({ id: newId(), body, at: Date.now() });
  };

  /** Until the server has answered for it. What waits was put down before, so that not even a closed tab loses it. */
  const deliver = async (lead: Waiting): Promise<void> => {
    const headers = { "content-type": "application/json", "idempotency-key": lead.id, prefer: "respond-async" };
    waiting = lead;
    outbox.set(slot, lead);
    view.busy(true);
    const answer = await insist(`${base}/public/leads`, { method: "POST", headers, body: lead.body }, sayWait);
    outbox.set(slot);
    waiting = null;
    if (answer.ok) return done();
    const { errors } = (await answer.json().catch(() => ({}))) as { errors?: Fault[] };
    view.busy(false);
    frame.show(view.element);
    view.refuse(errors ?? [{ field: "", message: words.failed }]);
  };

  const done = (): void => {
    const { message, url } = thank_you;
    frame.say("done", message);
    kept.set(TOUCHES);
    // On our own page inside a frame the thanks belong to the page around it.
    if (/^https?:/.test(url)) open(url, base === location.origin ? "_top" : "_self");
  };

  const start = given(definition, script, waiting);
  const view = form(definition, start, words, language, tell, (answers) => void send(answers));
  view.element.addEventListener("input", () => void prove().catch(() => 0), { once: true });
  frame.show(view.element);
  stand();
  onceSeen(frame.outer, () => tell({ kind: "view" }));
  if (waiting) void deliver(waiting);
}

void run(document.currentScript as HTMLScriptElement);
