// What is said of the form as a whole: how it looks, and what happens around it.

import { contrast, isColour } from "./colours.js";
import { group, lines, number, pick, text, tick } from "./controls.js";
import { el } from "./elements.js";

const COLOURS = [["accent", "Buttons and focus"], ["background", "Background"], ["ink", "Text"], ["border", "Borders"]];
const ENOUGH = { text: 4.5, graphics: 3 };
const FONTS = [["", "The page’s own"], ["system-ui, sans-serif", "System"], ["Georgia, serif", "Serif"], ["ui-monospace, monospace", "Monospace"]];

/** Changes a part of the form; what is typed in stays as it is drawn. */
function set(editor, part, name, panel, typed = true) {
  return (value) => editor.commit((draft) => {
    if (part === null) draft[name] = value;
    else draft[part] = { ...draft[part], [name]: value };
  }, { tag: typed ? `${part}-${name}` : null, keep: panel });
}

// --- looks ------------------------------------------------------------------------------------------------------------

export function looks(editor) {
  const theme = { ...editor.data.defaults.theme, ...editor.draft.theme };
  const change = (name, typed) => set(editor, "theme", name, "looks", typed);
  const fonts = FONTS.some(([one]) => one === theme.font) ? FONTS : [...FONTS, [theme.font, theme.font]];
  const warnings = el("div", { class: "warnings", role: "status" });
  editor.refreshers.looks = () => warnings.replaceChildren(...lowContrasts(editor));
  editor.refreshers.looks();
  return [
    group("Colours", ...COLOURS.map(([name, label]) => colour(editor, name, label, theme[name])), warnings),
    group("Shape",
      el("div", { class: "pair" },
        number({ key: "radius", label: "Rounding in pixels", value: theme.radius, min: 0, max: 24, change: change("radius", true) }),
        number({ key: "width", label: "Width in pixels", value: theme.width, min: 240, max: 1200, change: change("width", true) })),
      pick({ key: "font", label: "Font", value: theme.font, options: fonts, change: change("font", false) }),
      pick({ key: "mode", label: "Light or dark", value: theme.mode, change: change("mode", false),
        options: [["light", "Light"], ["dark", "Dark"], ["auto", "As the visitor’s system is"]] })),
  ];
}

function colour(editor, name, label, value) {
  const change = set(editor, "theme", name, "looks");
  const field = text({ key: name, label, value, maxlength: 7, class: "code", rest: () => editor.rest(),
    change: (typed) => { change(typed); if (isColour(typed)) swatch.value = typed; } });
  const swatch = el("input", {
    type: "color", value: isColour(value) ? value : "#000000", "aria-label": `${label}: pick`, "data-key": `${name}-pick`,
    oninput: (event) => { change(event.target.value); field.querySelector("input").value = event.target.value; },
    onchange: () => editor.rest(),
  });
  return el("div", { class: "colour" }, swatch, field);
}

function lowContrasts(editor) {
  const theme = { ...editor.data.defaults.theme, ...editor.draft.theme };
  const pairs = [
    ["Text on the background", theme.ink, theme.background, ENOUGH.text],
    ["The accent on the background", theme.accent, theme.background, ENOUGH.text],
    ["Borders on the background", theme.border, theme.background, ENOUGH.graphics],
  ];
  return pairs.flatMap(([what, first, second, enough]) => {
    const found = contrast(first, second);
    if (found === null || found >= enough) return [];
    return [el("p", { class: "risk" }, `⚠ ${what}: contrast ${found.toFixed(2)}, needed ${enough}. Some people cannot read it.`)];
  });
}

// --- settings ---------------------------------------------------------------------------------------------------------

export function settings(editor) {
  return [thanks(editor), places(editor), leads(editor), protection(editor)];
}

/** An input of the form itself; kind: one of the controls. */
function own(editor, kind, name, label, more = {}) {
  return kind({ key: name, label, value: editor.draft[name], rest: () => editor.rest(), change: set(editor, null, name, "settings"), ...more });
}

function thanks(editor) {
  const thank = { ...editor.data.defaults.thank_you, ...editor.draft.thank_you };
  const redirects = editor.draft.redirects ?? [];
  const options = [["", "Show the message"], ...redirects.map((one) => [one, `Go to ${one}`])];
  if (thank.url && !redirects.includes(thank.url)) options.push([thank.url, `Go to ${thank.url} (not in the list)`]);
  const list = own(editor, lines, "redirects", "Addresses that it may lead to", {
    help: "One a line, in full. A plain form names one of them in _next; no other is ever followed.",
  });
  // Which of them may be chosen above follows the list when it is left.
  list.querySelector("textarea").addEventListener("change", () => editor.draw("settings"));
  return group("After sending",
    pick({ key: "thank-url", label: "What visitors see", value: thank.url, options, change: set(editor, "thank_you", "url", "settings", false) }),
    text({ key: "thank-message", label: "Thank-you message", rows: 2, value: thank.message, rest: () => editor.rest(), change: set(editor, "thank_you", "message", "settings") }),
    list);
}

function places(editor) {
  return group("Where it may stand",
    own(editor, text, "title", "Title", { help: "Stands over the form and on its own page." }),
    own(editor, text, "language", "Language of its texts", { value: editor.draft.language ?? "en", maxlength: 12, class: "code", help: "en, de, pt-BR …; further ones are added under Texts." }),
    own(editor, lines, "domains", "Allowed domains", { placeholder: "https://www.example.com", help: "One a line. None: it may stand on any page." }));
}

function leads(editor) {
  return group("Its leads",
    el("div", { class: "pair" },
      own(editor, text, "source", "Source", { help: "Where the visit does not say better." }),
      own(editor, text, "campaign", "Campaign")),
    own(editor, lines, "notify", "Tell of each new lead", { rows: 2, placeholder: "sales@example.com", help: "E-mail addresses, one a line." }),
    !editor.data.has_mail && el("p", { class: "risk" },
      "⚠ Mail is not set up on this installation: SMTP_URL and SMTP_FROM in .env. Until then nobody is told by mail."));
}

function protection(editor) {
  const now = { ...editor.data.defaults.protection, ...editor.draft.protection };
  const change = (name, typed = false) => set(editor, "protection", name, "settings", typed);
  const ticks = [
    ["needs_token", "Only from a page that showed the form", "A lead without the token that the page was given is set aside."],
    ["check_disposable", "Note throw-away e-mail addresses", "A note at the lead; it is never set aside for it."],
    ["check_mx", "Note e-mail domains that take no mail", "Asks the domain’s name servers; never in the way of a lead."],
  ];
  return group("Protection",
    el("p", { class: "help" }, "What fails is set aside on the page Leads, and released there with one click. Nothing is thrown away."),
    number({ key: "least_fill_s", label: "Quicker than so many seconds is no person", value: now.least_fill_s, min: 0, max: 60, step: 0.5, change: change("least_fill_s", true) }),
    pick({ key: "proof_of_work", label: "The visitor’s browser has to compute", value: now.proof_of_work, change: change("proof_of_work"),
      options: [["off", "Never"], ["suspicious", "Where something is odd"], ["always", "Always"]] }),
    ticks.map(([name, label, help]) => tick({ key: name, label, help, value: now[name], change: change(name) })));
}
