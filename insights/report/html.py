"""A document as one HTML file: no script, nothing that is fetched, and a policy that forbids both.

Whatever a CRM holds may stand in it, so every text is escaped here, without exception.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Final

from insights import formats
from insights.charts import LIGHT
from insights.report.document import Column, Document, Picture, Section, Table
from insights.report.pictures import WIDTH_PX, png

STYLE: Final = (
    f"body{{margin:0;background:{LIGHT.bg};color:{LIGHT.ink};font:14px/1.5 Inter,system-ui,sans-serif}}"
    "main{max-width:760px;margin:0 auto;padding:32px 24px}"
    "h1{font-size:22px;line-height:1.3;margin:0 0 4px}"
    f"h2{{font-size:16px;margin:32px 0 8px;padding-top:16px;border-top:1px solid {LIGHT.border}}}"
    f".about,.note{{color:{LIGHT.muted};margin:4px 0}}.note{{font-size:12px}}"
    "ul{margin:8px 0;padding-left:20px}img{max-width:100%;height:auto;display:block;margin:8px 0}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;width:100%;margin:8px 0}"
    f"th,td{{padding:6px 12px 6px 0;border-bottom:1px solid {LIGHT.grid};text-align:left;vertical-align:top}}"
    "td{overflow-wrap:anywhere}"
    f"th{{font-size:12px;font-weight:500;color:{LIGHT.muted}}}"
    "th.r,td.r{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    "@media print{main{padding:0}h2,tr,img{break-inside:avoid}h2{break-after:avoid}}"
)
_HASH: Final = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY: Final = f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; base-uri 'none'; form-action 'none'"
"""The Content-Security-Policy that stands in the file."""
SERVED_POLICY: Final = f"{POLICY}; frame-ancestors 'none'; sandbox"
"""What whoever serves the file sends with it: the same, and what only a header can say."""


def html(document: Document) -> str:
    """The whole file."""
    title = escape(f"{document.title} · {document.organization}")
    sections = "".join(_section(one) for one in document.sections)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{escape(document.title)}</h1>"
        f'<p class="about">{escape(about(document))}</p>{sections}</main></body></html>'
    )


def about(document: Document) -> str:
    """Of whom, of which days, and when it was made."""
    days = formats.day_range(document.week.first, document.week.last)
    return f"{document.organization} · {document.whose} · {days} · made {formats.clock(document.made_at)}"


def _section(section: Section) -> str:
    lines = "".join(f"<li>{escape(one)}</li>" for one in section.lines)
    parts = [
        f'<section id="{escape(section.key)}"><h2>{escape(section.title)}</h2>',
        f"<ul>{lines}</ul>" if len(section.lines) > 1 else f"<p>{escape(section.lines[0])}</p>" if lines else "",
        _picture(section.picture) if section.picture else "",
        _table(section.table) if section.table else "",
        f'<p class="note">{escape(section.note)}</p>' if section.note else "",
    ]
    return "".join(parts) + "</section>"


def _picture(picture: Picture) -> str:
    source = f"data:image/png;base64,{b64encode(png(picture.chart)).decode()}"
    return f'<img src="{source}" width="{WIDTH_PX}" alt="{escape(picture.alt)}">'


def _table(table: Table) -> str:
    head = "".join(_cell("th", column.title, column, ' scope="col"') for column in table.columns)
    body = "".join(
        "<tr>" + "".join(_cell("td", text, column) for text, column in zip(row, table.columns, strict=True)) + "</tr>"
        for row in table.rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(tag: str, text: str, column: Column, more: str = "") -> str:
    right = ' class="r"' if column.is_right else ""
    return f"<{tag}{more}{right}>{escape(text)}</{tag}>"
