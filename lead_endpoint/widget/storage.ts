// What is kept in the browser, as JSON. Where it keeps nothing (a private window, a blocked page), nothing fails.

export interface Store {
  get(name: string): unknown;
  /** A value that is missing removes what was there. */
  set(name: string, value?: unknown): void;
}

/** isOff: keeps nothing. */
export function store(area: "localStorage" | "sessionStorage", isOff?: boolean): Store {
  const tried = <T>(use: (storage: Storage) => T): T | undefined => {
    try {
      if (!isOff) return use(window[area]);
    } catch { /* not allowed here, full, or not ours */ }
  };
  return {
    get: (name) => tried((storage) => JSON.parse(storage.getItem(name)!) as unknown),
    set: (name, value) =>
      tried((storage) => (value ? storage.setItem(name, JSON.stringify(value)) : storage.removeItem(name))),
  };
}

/** 144 random bits. */
export const newId = (): string =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18)))).replace(/\W/g, "_");
