// The height of a form in an iframe. On the page of the form (`data-form`) it tells the page around it, if that is one
// of `data-parents` (none named: any); on the page around it sizes the frames that tell it.

const script = document.currentScript as HTMLScriptElement;
const { form, parents = "" } = script.dataset;

interface Told { slms?: string; height?: number }

function tell(form: string, allowed: string[]): void {
  const around = location.ancestorOrigins?.[0] ?? (document.referrer && new URL(document.referrer).origin);
  if (parent === window || !around || (allowed.length && !allowed.includes(around))) return;
  new ResizeObserver(() => {
    parent.postMessage({ slms: form, height: Math.ceil(document.documentElement.offsetHeight) }, around);
  }).observe(document.documentElement);
}

function listen(origin: string): void {
  addEventListener("message", ({ origin: sender, source, data }: MessageEvent<Told | null>) => {
    if (sender !== origin || !data?.slms || !(Number(data.height) > 0)) return;
    for (const frame of document.querySelectorAll("iframe")) {
      if (frame.contentWindow === source) frame.height = String(data.height);
    }
  });
}

if (form) tell(form, parents.split(" ").filter(Boolean));
else listen(new URL(script.src).origin);
