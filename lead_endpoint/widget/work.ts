// The proof of work that a form may ask for (ALTCHA, https://altcha.org): which number, after the salt, has this hash.
// A file of its own, which the widget fetches where a form asks for it.

import type { Challenge } from "./definition";

const SLICE = 250;
/** Time to solve and send it. */
const SPARE_MS = 60_000;

interface Proof { challenge: Challenge; solution: Promise<string> }

const proofs = new Map<string, Proof>();

/** The proof by the challenge that came with the form, begun at the first call; by a new one where that is too old. ""
 *  where there is none: the lead goes all the same, a person decides then, and nothing is lost. address: gives a new
 *  challenge. */
export async function prove(first: Challenge, address: string): Promise<string> {
  const known = proofs.get(address);
  if (known && lasts(known.challenge)) return known.solution;
  const challenge = lasts(first) && !known ? first : await another(address).catch(() => first);
  const solution = solve(challenge).catch(() => "");
  proofs.set(address, { challenge, solution });
  return solution;
}

const another = (address: string): Promise<Challenge> => fetch(address).then((answer) => answer.json());

/** The salt says until when, in seconds. */
const lasts = ({ salt }: Challenge): boolean =>
  Number(new URLSearchParams(salt.split("?")[1]).get("expires") ?? Infinity) * 1000 > Date.now() + SPARE_MS;

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
