// What the funnel counts: that the form was seen, begun, stepped through, sent. A few small batches per visit; they
// hold nothing that was entered.

export interface Signal { kind: string; step?: number; field?: string }

/** A function that notes a signal; what was noted is told when the page is hidden. */
export function beacons(address: string, head: Record<string, unknown>): (signal: Signal) => void {
  let events: (Signal & { ms: number })[] = [];
  document.addEventListener("visibilitychange", () => {
    for (const one of events) one.ms += Date.now();
    if (events[0]) navigator.sendBeacon(address, JSON.stringify({ ...head, events }));
    events = [];
  });
  return (signal) => void events.push({ ...signal, ms: -Date.now() });
}

/** Calls once at least half of the element, or half a screen of it, was visible for a second. */
export function onceSeen(element: HTMLElement, then: () => void): void {
  // In a frame without height, both are 0.
  const threshold = Math.min(1, innerHeight / element.offsetHeight || 1) / 2;
  let timer: number | undefined;
  const observer = new IntersectionObserver(([entry]) => {
    clearTimeout(timer);
    if (entry.intersectionRatio < threshold) return;
    timer = setTimeout(() => {
      observer.disconnect();
      then();
    }, 1000);
  }, { threshold });
  observer.observe(element);
}
