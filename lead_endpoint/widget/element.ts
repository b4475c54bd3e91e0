// Elements, made without any HTML text: whatever a form says stays text.

type Property = string | number | boolean | null | undefined | ((event: Event) => void);

/** A function is a listener; `false`, null and undefined are no attribute. */
export function h(tag: string, properties: Record<string, Property> = {}, ...children: (Node | string)[]): HTMLElement {
  const made = document.createElement(tag);
  for (const name in properties) {
    const value = properties[name];
    if (typeof value === "function") made.addEventListener(name, value);
    else if ((value ?? false) !== false) made.setAttribute(name, value as string);
  }
  made.append(...children);
  return made;
}

export const button = (kind: string, text: string, click?: () => void): HTMLElement =>
  h("button", { type: click && "button", class: kind, click }, text);

/** A text whose web addresses are links. */
export const linked = (text: string): (Node | string)[] =>
  text.split(/(https?:\/\/[^\s<>"']*[\w/])/).map((part, at) =>
    at % 2 ? h("a", { href: part, target: "_blank" }, part) : part);
