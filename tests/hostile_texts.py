"""Three hundred texts that would run as a program, or change a page, wherever one is taken for anything but text.

Each calls `alert`: a page that runs one shows a dialog. Thirty ways to run, each as it is and behind what closes the
context that it may stand in: an attribute, a comment, a script, a style, a title, a text area, a template, a JSON text.
"""

from __future__ import annotations

from typing import Final

_RUNS: Final = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert&#40;1&#41;</script></svg>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<iframe src=javascript:alert(1)>",
    "<a href=javascript:alert(1) id=x autofocus onfocus=alert(1)>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<select autofocus onfocus=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<form action=javascript:alert(1)><button autofocus>x</button></form>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<math><mtext></mtext><mglyph><style></math><img src onerror=alert(1)>",
    "<style>@import 'javascript:alert(1)';*{display:none}</style>",
    "<link rel=stylesheet href=javascript:alert(1)>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<base href=javascript:alert(1)//>",
    "<template><script>alert(1)</script></template>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "javascript:alert(1)",
    "${alert(1)}{{alert(1)}}{{constructor.constructor('alert(1)')()}}",
    "[x](javascript:alert(1)) ![x](x onerror=alert(1))",
    "https://x.example/'onmouseover='alert(1)",
)
_CLOSES: Final = ("", '">', "'>", "-->", "</script>", "</style>", "</title>", "</textarea>", "`;", '\\"};')

TEXTS: Final = tuple(f"{close}{run}" for run in _RUNS for close in _CLOSES)

PLANTED: Final = "planted.invalid"
"""A host that nothing may be asked of."""
MARKDOWN: Final = (
    f"[x](http://{PLANTED}/a)", f"![x](http://{PLANTED}/i.png)", f"http://{PLANTED}/bare see www.{PLANTED}",
    f"ann@{PLANTED}", f"<http://{PLANTED}/angle>", "[x][1] [1]: http://planted.invalid/ref", "x <!-- hidden --> y",
    ":material/home: :material_home: :smile: :streamlit:", ":red[x] :small[y] :blue-background[z] :green-badge[w]",
    "$\\LaTeX$ $$x^2$$", "# heading", "- [ ] task", "> quote", "`code` **bold** _em_ ~~gone~~", "| a | b | - | - |",
    "a -> b <- c -- d >= e <= f ~= g <-> h", "&lt;b&gt; &#60;i&#62;", ":color[x]{foreground=red}", "a::leaf[x]{.y}",
    "safe\u202egnp.exe", "\u2066turned\u2069 \u200fround", "::JSCODE::alert(1)::JSCODE::", "{{7*7}} %7B%7B", "a\\*b\\",
)  # fmt: skip
"""What Streamlit's Markdown, its directives, a grid's program texts and bidirectional controls would make of it."""
FORMULAS: Final = (
    "=cmd|' /C calc'!A0", "@SUM(1+1)*cmd|' /C calc'!A0", "+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "\t=1+1",
    '=HYPERLINK("http://planted.invalid","x")', "\uff1d1+1", "\r=1+1", " =1+1", '"=1+1',
)  # fmt: skip
"""What a spreadsheet would run."""
EVERY: Final = (*TEXTS, *MARKDOWN, *FORMULAS)
