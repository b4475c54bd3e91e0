// The proof of work that a form may ask for (ALTCHA, https://altcha.org): which number, after the salt, has this hash.
// A file of its own, which the widget fetches where a form asks for it.

import type { Challenge } from "./definition";

const SLICE = 250;
const LASTS_MS = 8 * 60_000;

/** A function that proves: by the challenge that came with the form, and anew where that is too old. "" where there is
 *  no proof: the lead goes all the same, a person decides then, and nothing is lost. address: gives a new challenge. */
export function prover(first: Challenge, address: string): () => Promise<string> {
  let challenge = first;
  let madeAt = Date.now();
  let proof: Promise<string> | undefined;
  return async () => {
    if (Date.now() - madeAt > LASTS_MS) {
      challenge = (await fetch(address).then((answer) => answer.json()).catch(() => challenge)) as Challenge;
      madeAt = Date.now();
      proof = undefined;
    }
    return (proof ??= solve(challenge).catch(() => ""));
  };
}

/** The solution as the server reads it; "" where the browser cannot compute (a page without TLS). */
async function solve({ algorithm, challenge, salt, maxnumber, signature }: Challenge): Promise<string> {
  const bytes = new TextEncoder();
  if (!crypto.subtle) return "";
  for (let first = 0; first <= maxnumber; first += SLICE) {
    // A slice at a time: between two of them the page goes on.
    const hashes = await Promise.all(
      [...Array(SLICE).keys()].map((one) => crypto.subtle.digest(algorithm, bytes.encode(salt + (first + one)))));
    const found = hashes.findIndex((hash) => hex(hash) === challenge);
    if (found >= 0) return btoa(JSON.stringify({ algorithm, challenge, number: first + found, salt, signature }));
  }
  return "";
}

const hex = (hash: ArrayBuffer): string =>
  [...new Uint8Array(hash)].map((one) => one.toString(16).padStart(2, "0")).join("");
