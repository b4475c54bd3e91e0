// In which language a form speaks, and all of its texts in it.

import type { Definition } from "./definition";
import WORDS from "./words.json";

export type Words = typeof WORDS.en;

const primary = (language: string): string => language.toLowerCase().split("-")[0];

/** The first wish that the form has, by its first part ("de" for "de-AT"), else the form's own language. */
export function languageOf({ language, translations }: Definition, wishes: string[]): string {
  const offered = [language, ...Object.keys(translations)];
  const found = wishes.map((wish) => offered.find((one) => primary(one) === primary(wish)));
  return found.find(Boolean) || language;
}

/** The widget's own words: English under the language's, under those that the form brings. */
export const wordsOf = (language: string, own?: Partial<Words>): Words =>
  ({ ...WORDS.en, ...(WORDS as Record<string, Words>)[primary(language)], ...own });

/** Puts the form's texts into this language; what is not translated stays as it is. */
export function translate(definition: Definition, language: string): void {
  const { title, steps = [], fields = {}, thanks, words } =
    definition.translations[language] ?? { words: definition.words };
  definition.words = words!;
  put(definition, { title });
  put(definition.thank_you, { message: thanks });
  definition.steps.forEach((step, at) => {
    put(step, { title: steps[at] });
    for (const field of step.fields) {
      const { options = {}, ...said } = fields[field.name] ?? {};
      put(field, said);
      for (const one of field.options) put(one, { label: options[one.value] });
    }
  });
}

function put(texts: object, said: Record<string, string | undefined>): void {
  for (const name in said) if (said[name]) (texts as typeof said)[name] = said[name];
}

/** {n} and {m} in a word. */
export const fill = (word: string, n: string | number = "", m: string | number = ""): string =>
  word.replace("{n}", n as string).replace("{m}", m as string);
