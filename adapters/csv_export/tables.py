"""Reading tables: which files a folder, a zip or a single file holds, how each is written, and its rows as a stream.

Knows nothing of deals and leads. A file is never held in memory; NUL bytes never leave this module (PostgreSQL refuses
them), and a byte that its encoding does not know is read as Windows-1252 rather than losing the row.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from charset_normalizer import from_bytes

from adapters.errors import FatalError

HEAD_BYTES = 1 << 20
_FIELD_LIMIT = 1 << 20  # characters in one cell; a quote that nobody closed ends there
_DELIMITERS = (",", ";", "\t", "|")
_TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".txt", ".psv", ""})
_WHY_NOT = {
    **dict.fromkeys(
        (".xlsx", ".xls", ".xlsm", ".ods", ".numbers"), "a workbook; save its sheets as CSV to import them"
    ),
    **dict.fromkeys((".md", ".rst", ".html", ".htm", ".pdf", ".doc", ".docx", ".rtf"), "a document, not a table"),
    **dict.fromkeys((".zip", ".gz", ".7z", ".rar", ".tar", ".bz2"), "an archive inside the export; unpack it first"),
    **dict.fromkeys((".json", ".xml", ".parquet", ".sql", ".db"), "not a CSV file"),
}


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file of the export. name: its path inside the folder or zip, with forward slashes."""

    name: str
    path: Path
    size: int
    in_zip: bool = False

    def open(self) -> IO[bytes]:
        if not self.in_zip:
            return self.path.open("rb")
        return _Member(self.path, self.name)

    def head(self) -> bytes:
        with self.open() as stream:
            return stream.read(HEAD_BYTES)

    def fingerprint(self) -> str:
        """Of the content, so that a file that was only touched counts as unchanged."""
        digest = hashlib.blake2b(digest_size=16)
        with self.open() as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()


class _Member(io.BufferedReader):
    """A zip member that closes its archive with it."""

    def __init__(self, path: Path, name: str) -> None:
        self._archive = zipfile.ZipFile(path)
        super().__init__(self._archive.open(name))  # type: ignore[arg-type]

    def close(self) -> None:
        super().close()
        self._archive.close()


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table is written. header_line: the physical line, from 1; columns: their names, unique, in order."""

    encoding: str
    delimiter: str
    quote: str
    escape: str | None
    header_line: int
    columns: tuple[str, ...]


class NotATable(Exception):
    """Why a file is not read as a table."""


def table_files(source: Path) -> list[TableFile]:
    """The files of an export, hidden ones left out, in the order of their names. Raises FatalError."""
    try:
        if source.is_dir():
            return _in_folder(source)
        if zipfile.is_zipfile(source):
            return _in_zip(source)
        return [TableFile(source.name, source, source.stat().st_size)]
    except (OSError, zipfile.BadZipFile) as error:
        raise FatalError(
            f"CSV export: {source} cannot be read ({error}). Name a folder, a zip or a CSV file."
        ) from error


def _in_folder(folder: Path) -> list[TableFile]:
    found = ((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())
    return [TableFile(name, path, path.stat().st_size) for name, path in sorted(found) if not _is_hidden(name)]


def _in_zip(archive: Path) -> list[TableFile]:
    with zipfile.ZipFile(archive) as content:
        members = sorted((item.filename, item.file_size) for item in content.infolist() if not item.is_dir())
    return [TableFile(name, archive, size, in_zip=True) for name, size in members if not _is_hidden(name)]


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX", "~$")) for part in name.split("/"))


# --- how a file is written -----------------------------------------------------------------------------------------


def find_layout(file: TableFile, *, encoding: str | None = None, delimiter: str | None = None) -> Layout:
    """How the file is written, found from its first megabyte; what is given is believed. Raises NotATable."""
    suffix = Path(file.name).suffix.lower()
    if suffix not in _TABLE_SUFFIXES:
        raise NotATable(_WHY_NOT.get(suffix, f"files of type {suffix} are not read"))
    try:
        head = file.head()
    except (OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise NotATable(f"cannot be read: {error}") from error
    if not head.strip():
        raise NotATable("empty")
    encoding = encoding or find_encoding(head)
    text = _decoded(head, encoding)
    if "\ufffd" in text[:4096] or sum(char < " " and char not in "\t\r\n\0" for char in text[:4096]) > 20:
        raise NotATable("not text")
    return _find_shape(text, encoding, delimiter, cut=len(head) == HEAD_BYTES)


def find_encoding(head: bytes) -> str:
    """The encoding of a file by its first bytes: what its mark says, else UTF-8 or UTF-16 if valid, else a guess."""
    for mark, name in (
        (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
    ):  # fmt: skip
        if head.startswith(mark):
            return name
    sample = head[:8192]
    if sample.count(0) > len(sample) * 0.3:
        return "utf-16-le" if sample[1::2].count(0) >= sample[::2].count(0) else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(head)
    except UnicodeDecodeError:
        return _eight_bit(head)
    return "utf-8"


def _eight_bit(head: bytes) -> str:
    # Short texts in Windows-1252 are easily taken for Cyrillic or Japanese, so that takes evidence.
    if sum(byte > 127 for byte in head) < 40:
        return "cp1252"
    others = ["cp1250", "cp1251", "cp1253", "cp1254", "shift_jis", "gb18030", "big5", "euc_kr", "koi8_r"]
    best = from_bytes(head[:65_536], cp_isolation=["cp1252", "latin_1", *others]).best()
    return best.encoding if best is not None and best.encoding in others else "cp1252"


def _decoded(head: bytes, encoding: str) -> str:
    try:
        decoder = codecs.getincrementaldecoder(encoding)(_ERRORS.get(encoding, _AS_WINDOWS))
    except LookupError as error:
        raise NotATable(f"there is no encoding {encoding!r}") from error
    return decoder.decode(head).replace("\0", "")


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


_AS_WINDOWS = "slms-as-windows-1252"
codecs.register_error(_AS_WINDOWS, _as_windows)
_ERRORS = dict.fromkeys(("utf-16", "utf-16-le", "utf-16-be", "utf-32"), "replace")


def _find_shape(text: str, encoding: str, delimiter: str | None, *, cut: bool) -> Layout:
    lines = text[:262_144].splitlines(keepends=True)
    told = re.match(r"sep=(.)\s*$", lines[0].strip("\r\n"), re.IGNORECASE) if lines else None
    if told:  # Excel's own note of the delimiter
        delimiter = delimiter or told[1]
    if (cut or len(text) > 262_144) and len(lines) > 1:
        lines.pop()
    quote, escape = _find_quote(text[:65_536])
    shapes = [_try(lines, mark, quote, escape, bool(told)) for mark in ([delimiter] if delimiter else _DELIMITERS)]
    score, mark, line, header = max(shapes, key=lambda shape: shape[0])
    if score <= 0:
        raise NotATable("not a table: no delimiter gives columns")
    return Layout(encoding, mark, quote, escape, line, _unique(header))


def _find_quote(text: str) -> tuple[str, str | None]:
    single = len(re.findall(r"(?:^|[,;\t|])'[^'\r\n]*'(?=[,;\t|\r\n])", text, re.MULTILINE))
    quote = "'" if '"' not in text and single > text.count("\n") / 2 > 0 else '"'
    escaped = re.search(r'[^\\,;\t|\r\n]\\"[^,;\t|\r\n]', text) and '""' not in text
    return quote, "\\" if escaped else None


def _try(
    lines: list[str], mark: str, quote: str, escape: str | None, told: bool
) -> tuple[float, str, int, tuple[str, ...]]:
    reader = csv.reader(lines, delimiter=mark, quotechar=quote, escapechar=escape)
    rows: list[tuple[int, list[str]]] = []
    before = 0
    try:
        for row in reader:
            rows.append((before + 1, row))
            before = reader.line_num
            if len(rows) >= 400:
                break
    except csv.Error:
        return 0.0, mark, 1, ()
    rows = [(line, row) for line, row in rows[told:] if any(cell.strip() for cell in row)]
    widths = Counter(len(row) for _, row in rows)
    width = max(widths, key=lambda size: (widths[size] * (size > 1), size), default=0)
    if width < 2:
        return 0.0, mark, 1, ()
    near = {width, max(2, width - 1), width + 1}  # rows may end in one delimiter more than the header, or less
    used = {place for _, row in rows for place, cell in enumerate(row) if cell.strip()}
    # A title above the header may be padded to its width, but it does not fill it.
    names_all = [sum(map(bool, map(str.strip, row))) > len(used) / 2 for _, row in rows]
    at, (line, header) = next(
        ((at, row) for at, row in enumerate(rows) if _heads(row[1], width, near) and names_all[at]), (0, rows[0])
    )
    fit = sum(count for size, count in widths.items() if size == width) / len(rows)
    return fit * (0.5 if at else 1.0) + width * 1e-4, mark, line, tuple(header)


def _heads(row: list[str], width: int, near: set[int]) -> bool:
    """Whether a row is as wide as the others, or somewhat narrower and made of nothing but names."""
    is_names = all(cell.strip() and not cell.strip()[0].isdigit() for cell in row)
    return len(row) in near or (0.6 * width <= len(row) < width and is_names)


def _unique(header: tuple[str, ...]) -> tuple[str, ...]:
    """Names for all columns: unnamed ones are called "column 5", repeated ones get a number."""
    seen: Counter[str] = Counter()
    names = []
    for number, cell in enumerate(header, start=1):
        name = " ".join(cell.split()) or f"column {number}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(names)


# --- rows ----------------------------------------------------------------------------------------------------------


def rows(file: TableFile, layout: Layout) -> Iterator[tuple[int, list[str] | None]]:
    """The rows below the header with the physical line on which each begins; blank ones are left out.

    A row that cannot be told apart (a quote that is never closed) comes as None. Raises FatalError.
    """
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD_LIMIT))
    errors = _ERRORS.get(layout.encoding, _AS_WINDOWS)
    try:
        with io.TextIOWrapper(file.open(), layout.encoding, errors, newline="") as text:
            yield from _parsed(text, layout)
    except (OSError, zipfile.BadZipFile, EOFError, RuntimeError) as error:
        raise FatalError(f"CSV export: {file.name} cannot be read to its end ({error}).") from error


def _parsed(text: io.TextIOWrapper, layout: Layout) -> Iterator[tuple[int, list[str] | None]]:
    clean = (line.replace("\0", "") if "\0" in line else line for line in text)
    reader = csv.reader(clean, delimiter=layout.delimiter, quotechar=layout.quote, escapechar=layout.escape)
    skip, before = layout.header_line, 0
    while True:
        try:
            for cells in reader:
                line, before = before + 1, reader.line_num
                if line > skip and any(map(str.strip, cells)):
                    yield line, cells
            return
        except csv.Error:
            line, before = before + 1, reader.line_num
            if line > skip:
                yield line, None
