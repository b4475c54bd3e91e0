// All texts of the form side by side: a row for each, a column for each language.

import { button } from "./controls.js";
import { el } from "./elements.js";
import * as model from "./model.js";

/** Where one text stands in the form's own language and in a translation. usual: what is shown where it is empty, by language. */
function entry(name, own, translated, usual = () => "") {
  return { name, own, translated, usual };
}

function at(path, whole) {
  return path.reduce((part, name) => part?.[name], whole);
}

function put(path, whole, value) {
  let part = whole;
  for (const name of path.slice(0, -1)) part = part[name] = part[name] ?? {};
  part[path.at(-1)] = value;
}

function entries(editor) {
  const { draft } = editor;
  const found = [entry("Title", ["title"], ["title"])];
  draft.steps.forEach((step, s) => {
    if (draft.steps.length > 1) found.push(entry(`Title of step ${s + 1}`, ["steps", s, "title"], ["steps", s]));
    (step.fields ?? []).forEach((field, f) => found.push(...fieldEntries(field, ["steps", s, "fields", f])));
  });
  const { words, defaults } = editor.data;
  const own = draft.language ?? "en";
  found.push(entry("Thank-you message", ["thank_you", "message"], ["thanks"], (language) => (language === own ? defaults.thank_you.message : "")));
  for (const word of Object.keys(words.en)) {
    const usual = (language) => words[language.toLowerCase().split("-")[0]]?.[word] ?? words.en[word];
    found.push(entry(`Widget: ${word}`, ["words", word], ["words", word], usual));
  }
  return found;
}

function fieldEntries(field, path) {
  const title = model.titleOf(field);
  const texts = [["label", "label"], ["consent_text", "consent"], ["help", "help"], ["placeholder", "placeholder"]];
  const found = texts.filter(([name]) => field[name])
    .map(([name, what]) => entry(`${title}: ${what}`, [...path, name], ["fields", field.name, name]));
  (field.options ?? []).forEach((option, o) => {
    found.push(entry(`${title}: ${option.value}`, [...path, "options", o, "label"], ["fields", field.name, "options", option.value]));
  });
  return found;
}

export function texts(editor) {
  const languages = Object.keys(editor.draft.translations ?? {});
  const own = editor.draft.language ?? "en";
  const head = el("tr", {}, el("th", { scope: "col" }, "Text"), el("th", { scope: "col" }, `${own} (its own)`),
    languages.map((one) => el("th", { scope: "col" }, one, editor.mayChange && button("Remove", () => removeLanguage(editor, one), {
      key: `remove-${one}`, class: "quiet", "aria-label": `Remove ${one}`,
    }))));
  const rows = entries(editor).map((one) => el("tr", {},
    el("th", { scope: "row" }, one.name), el("td", {}, cell(editor, one, one.own, own)),
    languages.map((language) => el("td", {}, cell(editor, one, ["translations", language, ...one.translated], language)))));
  return [
    editor.mayChange && adder(editor),
    el("p", { class: "help" }, "What is left empty in a further language is shown in the form’s own; visitors get the one that their page or browser asks for."),
    el("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Texts by language" }, el("table", {}, el("thead", {}, head), el("tbody", {}, rows))),
  ];
}

function cell(editor, one, path, language) {
  const change = (event) => editor.commit((draft) => {
    if (path[0] === "translations" && path[2] === "steps") fill(draft, path);
    put(path, draft, event.target.value);
  }, { tag: path.join("."), keep: "texts" });
  return el("input", {
    "aria-label": `${one.name}, ${language}`, "data-key": path.join("."), value: at(path, editor.draft) ?? "", placeholder: one.usual(language),
    lang: language, readOnly: !editor.mayChange, autocomplete: "off", oninput: change, onchange: () => editor.rest(),
  });
}

/** Titles of steps are a list: those before this one are there, if empty. */
function fill(draft, [, language, , step]) {
  const translation = draft.translations[language];
  translation.steps = Array.from({ length: Math.max(step + 1, translation.steps?.length ?? 0) }, (_, n) => translation.steps?.[n] ?? "");
}

function adder(editor) {
  const input = el("input", { "aria-label": "Language to add", "data-key": "language", placeholder: "de", maxlength: 12, class: "code", autocomplete: "off",
    onkeydown: (event) => { if (event.key === "Enter") add(); } });
  const add = () => {
    const language = input.value.trim();
    if (!/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$/.test(language)) {
      editor.say("Write a language as de or pt-BR");
    } else if (language === editor.draft.language || editor.draft.translations?.[language]) {
      editor.say(`${language} is there already`);
    } else {
      editor.commit((draft) => { draft.translations = { ...draft.translations, [language]: {} }; });
      editor.say(`${language} added`);
    }
  };
  return el("div", { class: "adder" }, input, button("Add a language", add, { key: "add-language" }));
}

function removeLanguage(editor, language) {
  editor.commit((draft) => { delete draft.translations[language]; });
  editor.focus("add-language");
  editor.say(`${language} removed. Ctrl+Z brings it back`);
}
