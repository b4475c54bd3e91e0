// Requests that do not give up, and the lead that waits in the browser until the server has answered for it.

const LONGEST_MS = 60_000;
const PATIENCE_MS = 20_000;
/** So long a lead waits for a server that does not answer. */
export const KEPT_MS = 7 * 86_400_000;

/** The answer, once there is one that asking again would not better: neither a lost connection, nor 429, nor 5xx.
 *  onWait: told before each pause; what it is given ends the pause. */
export async function insist(
  address: string, options: RequestInit, onWait: (again: () => void) => void,
): Promise<Response> {
  for (let pause_ms = 2000; ; pause_ms = Math.min(2 * pause_ms, LONGEST_MS)) {
    try {
      const answer = await fetch(address, { ...options, signal: AbortSignal.timeout(PATIENCE_MS) });
      if (answer.status < 500 && answer.status !== 429) return answer;
    } catch { /* no connection, or no answer in time */ }
    await new Promise<void>((resolve) => {
      setTimeout(resolve, pause_ms * (0.5 + Math.random() / 2));
      addEventListener("online", resolve as () => void, { once: true });
      onWait(resolve);
    });
  }
}

/** A lead on its way. The same bytes under the same id stay one lead, however often they are sent. */
export interface Waiting { id: string; body: string; at: number }
