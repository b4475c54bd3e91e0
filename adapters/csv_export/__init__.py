"""CRM exports (folders, zips and files of CSVs) as a CRM: inspected, mapped by guess, streamed behind the protocol.

`inspect_export` looks at the files, `guess_mapping` says what they hold, `CsvExport` reads them. It never writes to a
file, and knows no database.
"""

from adapters.csv_export.export import CsvExport, FileReport, take_stock
from adapters.csv_export.guess import guess_mapping
from adapters.csv_export.inspection import Inspection, inspect_export
from adapters.csv_export.mapping import FIELDS, FILE_KINDS, ColumnUse, ExportMapping, FileMapping

__all__ = [
    "FIELDS",
    "FILE_KINDS",
    "ColumnUse",
    "CsvExport",
    "ExportMapping",
    "FileMapping",
    "FileReport",
    "Inspection",
    "guess_mapping",
    "inspect_export",
    "take_stock",
]
