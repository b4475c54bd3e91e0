// What `GET /public/forms/<key>` answers, and which of its fields a visitor sees.

export type Kind =
  | "text" | "long_text" | "email" | "phone" | "number" | "date"
  | "select" | "multi_select" | "checkbox" | "consent" | "hidden";

export interface Option { value: string; label: string }

export interface Limits {
  least?: number | string | null;
  most?: number | string | null;
  shortest?: number | null;
  longest?: number | null;
  form?: "any" | "digits" | "letters" | "url";
}

export interface Field {
  name: string;
  kind: Kind;
  label: string;
  help: string;
  placeholder: string;
  required: boolean;
  options: Option[];
  default: string;
  limits: Limits;
  show_if: { field: string; is_any_of: string[] } | null;
  country: string;
  from_query: string;
  consent_text: string;
}

export interface Step { title: string; fields: Field[] }

export interface Translation {
  title?: string;
  words?: Record<string, string>;
  steps?: string[];
  fields?: Record<string, {
    label?: string; help?: string; placeholder?: string; consent_text?: string; options?: Record<string, string>;
  }>;
  thanks?: string;
}

export interface Challenge {
  algorithm: string; challenge: string; maxnumber: number; salt: string; signature: string;
}

export interface Theme {
  accent: string; background: string; ink: string; border: string;
  radius: number; width: number; font: string; mode: string;
}

export interface Definition {
  key: string;
  version: number;
  title: string;
  language: string;
  steps: Step[];
  words: Record<string, string>;
  translations: Record<string, Translation>;
  theme: Theme;
  thank_you: { message: string; url: string };
  token: string;
  proof_of_work: Challenge | null;
  least_fill_s: number;
}

/** By name of the field: a choice of several has several, an empty field none. */
export type Values = Record<string, string[]>;

/** As they are sent: the text of a field, or several. */
export type Answers = Record<string, string | string[]>;

/** The names of fields that are shown, hidden ones included: as the server's `visible` has it. */
export function visible(steps: Step[], values: Values): Set<string> {
  const shown = new Set<string>();
  for (const { name, show_if: condition } of steps.flatMap((step) => step.fields)) {
    if (!condition || (shown.has(condition.field) && isMet(condition.is_any_of, values[condition.field]))) {
      shown.add(name);
    }
  }
  return shown;
}

function isMet(wanted: string[], values: string[] = []): boolean {
  const text = values.join(", ");
  return [text, ...text.split(", ")].some((one) => wanted.includes(one));
}
