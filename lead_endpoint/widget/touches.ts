// Where the visitor came from, from the first touch until a lead is sent: campaign parameters, kind and value of a
// click id, the host that led here, the path that was landed on. Never a whole address.

import type { Store } from "./storage";

export type Touch = Record<string, string | number>;

/** Where they are kept. */
export const TOUCHES = "slms:touches";
const MOST = 8;
const AGE_S = 90 * 86_400;
const UTM = /^utm_\w+$/;
const CLICK = /^(\w+clk?id|[gw]braid|li_fat_id)$/;

/** All touches, oldest first, with this page's if it is one: the first page, or one that something led to. */
export function touches(kept: Store): Touch[] {
  const now_s = Math.floor(Date.now() / 1000);
  const known = ((kept.get(TOUCHES) ?? []) as Touch[]).filter((one) => (one.at as number) > now_s - AGE_S);
  const said = whatLedHere();
  // A touch begins with what led here, so the same again is seen by how it begins.
  const isSame = JSON.stringify(known.at(-1))?.startsWith(JSON.stringify(said).slice(0, -1));
  if (!isSame) known.push({ ...said, at: now_s, landing: location.pathname });
  // The first one stays, whatever comes after it.
  if (known.length > MOST) known.splice(1, 1);
  kept.set(TOUCHES, known);
  return known;
}

function whatLedHere(): Touch {
  const touch: Touch = {};
  for (const [name, value] of new URLSearchParams(location.search)) {
    const text = value.slice(0, 200);
    if (UTM.test(name)) touch[name] = text;
    if (CLICK.test(name)) {
      touch.click = name;
      touch.click_id = text;
    }
  }
  const host = document.referrer && new URL(document.referrer).host;
  if (host && host !== location.host) touch.referrer = host;
  return touch;
}
