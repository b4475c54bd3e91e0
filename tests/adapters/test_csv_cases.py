# ruff: noqa: E501  (rows of tables stand as they are)
"""Small exports, one peculiarity each."""

from __future__ import annotations

import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from made_exports import export, taken

from adapters.base import ContactInput, CrmAdapter
from adapters.csv_export import CsvExport, ExportMapping, guess_mapping, inspect_export
from adapters.csv_export.mapping import ColumnUse
from adapters.errors import ConfigError, FatalError
from adapters.records import ActivityKind, Deal, DealStatus, Kind, Lead


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


# --- a lead file and a closed-deals file ---------------------------------------------------------------------------

LEADS = """mql_id,first_contact_date,landing_page_id,origin
a1,2018-02-01,l1,social
a2,2018-02-03,l2,paid_search
a3,2018-03-01,l1,
"""
CLOSED = """mql_id,seller_id,sdr_id,sr_id,won_date,business_segment,declared_product_catalog_size,declared_monthly_revenue
a1,s1,d1,r1,2018-03-05 10:00:00,pet,,0.0
a2,s2,d1,r2,2018-04-05 12:00:00,car,100.0,50000.0
"""
ANFRAGEN = (
    "lead_key;anfrage_am;kanal\nk-1;01.02.2024;Messe Köln\nk-2;13.02.2024;Telefon\nk-3;14.02.2024;Empfehlung für uns\n"
)
ABSCHLUESSE = (
    "lead_key;abschluss_am;vertriebler;umsatz_laut_kunde\nk-2;20.03.2024;Jörg Groß;1.000,00\nk-1;21.03.2024;Ute;50,00\n"
)


def test_a_lead_with_a_closed_deal_is_converted_and_others_are_known_not_to_be(tmp_path: Path) -> None:
    leads: list[Lead] = taken(export(tmp_path, leads=LEADS, closed_deals=CLOSED), Kind.LEAD)
    assert [(lead.external_id, lead.source, lead.converted, lead.converted_at, lead.deal_id) for lead in leads] == [
        ("a1", "social", True, utc(2018, 3, 5, 10), "a1"),
        ("a2", "paid_search", True, utc(2018, 4, 5, 12), "a2"),
        ("a3", None, False, None, None),
    ]
    assert leads[0].created_at == utc(2018, 2, 1)


def test_a_closed_deal_takes_its_start_and_source_from_its_lead_and_no_amount(tmp_path: Path) -> None:
    deals: list[Deal] = taken(export(tmp_path, leads=LEADS, closed_deals=CLOSED), Kind.DEAL)
    assert [
        (d.external_id, d.status, d.owner_id, d.created_at, d.closed_at, d.source, d.amount_minor) for d in deals
    ] == [
        ("a1", DealStatus.WON, "r1", utc(2018, 2, 1), utc(2018, 3, 5, 10), "social", None),
        ("a2", DealStatus.WON, "r2", utc(2018, 2, 3), utc(2018, 4, 5, 12), "paid_search", None),
    ]


def test_the_joined_files_are_found_under_other_names_and_in_another_encoding(tmp_path: Path) -> None:
    adapter = export(tmp_path, encoding="cp1252", anfragen=ANFRAGEN, abschluesse=ABSCHLUESSE)
    leads, deals = taken(adapter, Kind.LEAD), taken(adapter, Kind.DEAL)
    assert [(lead.source, lead.converted) for lead in leads] == [
        ("Messe Köln", True), ("Telefon", True), ("Empfehlung für uns", False)
    ]  # fmt: skip
    assert [(d.external_id, d.status, d.owner_id, d.created_at, d.closed_at, d.amount_minor) for d in deals] == [
        ("k-2", DealStatus.WON, "Jörg Groß", utc(2024, 2, 13), utc(2024, 3, 20), None),
        ("k-1", DealStatus.WON, "Ute", utc(2024, 2, 1), utc(2024, 3, 21), None),
    ]


def test_joined_files_whose_names_say_nothing_are_found_by_their_columns(tmp_path: Path) -> None:
    adapter = export(tmp_path, export_1=LEADS, export_2=CLOSED)
    assert [lead.converted for lead in taken(adapter, Kind.LEAD)] == [True, True, False]
    assert len(taken(adapter, Kind.DEAL)) == 2


# --- how exports of known CRMs are named ---------------------------------------------------------------------------

HEADERS = {
    "hubspot": "Record ID,Deal Name,Deal Stage,Close Date,Deal owner,Amount,Create Date,Associated Company",
    "pipedrive": "Deal - ID,Deal - Title,Deal - Stage,Deal - Deal closed on,Deal - Owner,Deal - Value,"
    "Deal - Deal created,Deal - Organization",
    "salesforce": "Id,Name,StageName,CloseDate,Owner.Name,Amount,CreatedDate,Account.Name",
    "salesforce report": "Opportunity ID,Opportunity Name,Stage,Close Date,Opportunity Owner,Amount,Created Date,"
    "Account Name",
    "zoho": "Record Id,Deal Name,Stage,Closing Date,Deal Owner,Amount,Created Time,Account Name",
    "nutshell": "Number,Name,Stage,Closed date,Assignee,Value,Created date,Company",
    "german": "Vorgangsnummer,Bezeichnung,Vertriebsphase,Abschlussdatum,Zuständig,Auftragswert,Erstellt am,Kunde",
    "spanish": "ID,Nombre,Etapa,Fecha de cierre,Propietario,Importe,Fecha de creación,Cliente",
    "french": "Identifiant ID,Nom,Étape,Date de clôture,Commercial,Montant,Date de création,Société",
    "invented": "ref,txt,wo,b,wer,eur,a,fa",
}


@pytest.mark.parametrize("crm", HEADERS)
def test_deals_are_read_under_the_column_names_of(crm: str, tmp_path: Path) -> None:
    rows = (
        "\n101,Alpha,Proposal,2024-05-01,Ann Lee,10.50,2024-01-02,ACME"
        "\n102,Beta,Closed Won,2024-03-01,Bob Ray,20.00,2024-01-03,Bolt"
        "\n103,Gamma,Closed Lost,2024-04-01,Ann Lee,20.00,2024-02-03,ACME\n"
    )
    deals: list[Deal] = taken(export(tmp_path, deals=HEADERS[crm] + rows), Kind.DEAL)
    assert [(d.external_id, d.status, d.amount_minor, d.created_at) for d in deals] == [
        ("101", "open", 1050, utc(2024, 1, 2)),
        ("102", "won", 2000, utc(2024, 1, 3)),
        ("103", "lost", 2000, utc(2024, 2, 3)),
    ]
    assert [d.closed_at for d in deals] == [None, utc(2024, 3, 1), utc(2024, 4, 1)]
    if crm != "invented":
        assert [(d.name, d.owner_id, d.company_id, d.close_on) for d in deals] == [
            ("Alpha", "Ann Lee", "ACME", date(2024, 5, 1)),
            ("Beta", "Bob Ray", "Bolt", None),
            ("Gamma", "Ann Lee", "ACME", None),
        ]


def test_won_and_lost_times_tell_the_outcome_where_status_does_not(tmp_path: Path) -> None:
    text = (
        "Deal - ID,Deal - Title,Deal - Value,Deal - Won time,Deal - Lost time,Deal - Expected close date\n"
        "1,A,5,2024-01-05 10:00:00,,\n2,B,5,,2024-01-06 10:00:00,\n3,C,5,,,2024-02-07\n"
    )
    deals: list[Deal] = taken(export(tmp_path, deals=text), Kind.DEAL)
    assert [(d.status, d.closed_at, d.close_on) for d in deals] == [
        ("won", utc(2024, 1, 5, 10), None),
        ("lost", utc(2024, 1, 6, 10), None),
        ("open", None, date(2024, 2, 7)),
    ]


# --- values --------------------------------------------------------------------------------------------------------


def test_decimal_commas_symbols_and_named_months_are_read(tmp_path: Path) -> None:
    text = (
        "id;name;stage;amount;created\n1;A;Won;1.234.567,89 €;3. Mär 2021\n2;B;Lost;-5,50 €;31/12/2020\n"
        "3;C;New;US$ 7;44197\n4;D;New;;2021-01-01T10:00:00+02:00\n"
    )
    deals: list[Deal] = taken(export(tmp_path, deals=text), Kind.DEAL)
    assert [(d.amount_minor, d.currency) for d in deals] == [
        (123456789, "EUR"),
        (-550, "EUR"),
        (700, "USD"),
        (None, None),
    ]
    assert [d.created_at for d in deals] == [utc(2021, 3, 3), utc(2020, 12, 31), utc(2021, 1, 1), utc(2021, 1, 1, 8)]


def test_a_plain_date_is_the_start_of_its_day_in_the_zone(tmp_path: Path) -> None:
    text = "id,stage,close date,created\n1,New,2024-07-02,2024-07-01\n2,Won,2024-01-02 13:00,2024-01-01\n"
    deals: list[Deal] = taken(export(tmp_path, zone=ZoneInfo("Europe/Berlin"), deals=text), Kind.DEAL)
    assert [d.created_at for d in deals] == [utc(2024, 6, 30, 22), utc(2023, 12, 31, 23)]
    assert deals[0].close_on == date(2024, 7, 2)
    assert deals[1].closed_at == utc(2024, 1, 2, 12)


def test_a_currency_without_decimals_has_no_minor_digits(tmp_path: Path) -> None:
    deals = taken(export(tmp_path, deals="id,stage,amount,currency\n1,Won,1500,JPY\n2,Won,1500,EUR\n"), Kind.DEAL)
    assert [d.amount_minor for d in deals] == [1500, 150000]


def test_dates_that_fit_both_orders_are_asked_about(tmp_path: Path) -> None:
    adapter = export(tmp_path, deals="id,stage,created\n1,Won,03/04/2024\n2,New,05/06/2024\n")
    assert "both orders" in adapter.mapping.files["deals.csv"].questions[0]


def test_nul_bytes_and_broken_utf_8_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_bytes(b"id,name,stage\n1,A\0lpha,Won\n2,Caf\xe9,New\n3,\xc3\xbcber,New\n")
    adapter = CsvExport(tmp_path, guess_mapping(inspect_export(tmp_path)))
    assert [d.name for d in taken(adapter, Kind.DEAL)] in (["Alpha", "Café", "über"], ["Alpha", "Café", "Ã¼ber"])


def test_old_mac_line_ends_preambles_and_embedded_lines_are_read(tmp_path: Path) -> None:
    text = 'Report of June\r\rid,name,stage\r1,"two\rlines",Won\r2,B,New\rbad\r'
    adapter = export(tmp_path, deals=text)
    assert [d.name for d in taken(adapter, Kind.DEAL)] == ["two\rlines", "B"]
    assert [rejected.line for rejected in adapter.rejections()] == [7]


# --- rows that are refused -----------------------------------------------------------------------------------------

FLAWED = """id,name,stage,amount,created
1,A,Won,5,2024-01-01
2,B,Won,five,2024-01-01
3,"C
c",Won,5,2024-13-01
,D,Won,5,2024-01-01
1,A again,Won,6,2024-01-01
6,F,Won,5,2024-01-01,one,two
7,"G,Won,5
"""


def test_each_refused_row_names_its_line_column_and_reason(tmp_path: Path) -> None:
    adapter = export(tmp_path, deals=FLAWED)
    found = {rejection.line: rejection.reason for rejection in adapter.rejections()}
    assert found[2] == "duplicate id '1': replaced by line 7"
    assert found[3] == "amount: 'five' is not an amount, a number such as 1234.56"
    assert found[4].startswith("created: '2024-13-01' is not a date such as")
    assert found[6] == "id is empty: it names the row and is needed"
    assert found[8] == "7 cells where the header has 5 columns"
    assert [d.name for d in taken(adapter, Kind.DEAL)] == ["A again", "G,Won,5"]


def test_rows_are_taken_or_refused_and_counts_say_so(tmp_path: Path) -> None:
    adapter = export(tmp_path, deals=FLAWED)
    [report] = adapter.take_stock()
    assert report.rows == report.taken + sum(report.rejected.values()) == 7
    assert report.taken == adapter.expected_count(Kind.DEAL) == len(taken(adapter, Kind.DEAL))
    assert sum(report.rejected.values()) == len(list(adapter.rejections()))


def test_rows_without_an_id_get_a_stable_one_and_twins_stay_apart(tmp_path: Path) -> None:
    text = "name,stage,amount\nA,Won,1\nB,Won,2\nA,Won,1\n"
    first = [d.external_id for d in taken(export(tmp_path, deals=text), Kind.DEAL)]
    moved = [
        d.external_id
        for d in taken(export(tmp_path, deals="name,stage,amount\nB,Won,2\nA,Won,1\nA,Won,1\n"), Kind.DEAL)
    ]
    assert len(set(first)) == 3
    assert sorted(first) == sorted(moved)


def test_the_later_file_replaces_ids_of_the_earlier(tmp_path: Path) -> None:
    adapter = export(
        tmp_path, deals_1="id,name,stage\n1,A,Won\n2,B,Won\n", deals_2="id,name,stage\n2,new B,Lost\n3,C,Won\n"
    )
    assert [d.name for d in taken(adapter, Kind.DEAL)] == ["A", "new B", "C"]
    assert [r.reason for r in adapter.rejections()] == ["duplicate id '2': replaced by line 2 of a later file"]


# --- activities, owners, references --------------------------------------------------------------------------------

ACTIVITIES = """Activity ID,Type,Owner,Date,Deal ID,Outcome,Direction,Duration (minutes)
1,Phone call,Ann,2024-01-02 09:00,D1,Completed,Outbound,10
2,Meeting,Ann,2024-01-03 09:00,D2,Canceled,,30
3,E-mail,Bob,2024-01-04 09:00,D9,,Incoming,
"""


def test_activities_are_read_with_kind_direction_outcome_and_duration(tmp_path: Path) -> None:
    adapter = export(tmp_path, activities=ACTIVITIES, deals="Deal ID,Stage\nD1,Won\nD2,New\n")
    found = taken(adapter, Kind.ACTIVITY)
    assert [(a.kind, a.owner_id, a.direction, a.outcome, a.duration_s, a.deal_id) for a in found] == [
        (ActivityKind.CALL, "Ann", "out", "completed", 600, "D1"),
        (ActivityKind.MEETING, "Ann", None, "cancelled", 1800, "D2"),
        (ActivityKind.EMAIL, "Bob", "in", None, None, None),
    ]


def test_cancelled_activities_are_not_counted(tmp_path: Path) -> None:
    adapter = export(tmp_path, activities=ACTIVITIES)
    assert adapter.count_activity(kind=ActivityKind.MEETING).count == 0
    assert adapter.count_activity(kind=ActivityKind.CALL, owner="Ann", since=utc(2024, 1, 2, 9)).count == 1
    assert adapter.count_activity(kind=ActivityKind.CALL, since=utc(2024, 1, 3)).count == 0


def test_activities_that_the_export_lacks_are_unavailable_not_zero(tmp_path: Path) -> None:
    counted = export(tmp_path, deals="Deal ID,Stage\nD1,Won\n").count_activity(kind=ActivityKind.CALL)
    assert counted.count is None
    assert counted.unavailable


def test_owners_and_companies_that_are_only_spoken_of_become_records(tmp_path: Path) -> None:
    adapter = export(tmp_path, deals="id,stage,owner,company\n1,Won,Ann,ACME\n2,New,ann,Acme!\n3,New,Bob,\n")
    assert [(owner.external_id, owner.name) for owner in adapter.list_owners()] == [("Ann", "Ann"), ("Bob", "Bob")]
    assert {d.company_id for d in taken(adapter, Kind.DEAL)} == {"ACME", None}


def test_deals_are_searched_by_creation_change_and_owner(tmp_path: Path) -> None:
    text = (
        "id,stage,owner,created,modified\n1,New,Ann,2024-03-01,2024-04-01\n"
        "2,New,Bob,2024-01-01,2024-02-01\n3,New,Ann,,2024-01-01\n"
    )
    adapter = export(tmp_path, deals=text)
    assert [d.external_id for d in adapter.search_deals()] == ["2", "1", "3"]
    assert [d.external_id for d in adapter.search_deals(created_since=utc(2024, 3, 1))] == ["1"]
    assert [d.external_id for d in adapter.search_deals(modified_since=utc(2024, 2, 1), owner="Bob")] == ["2"]


# --- the adapter ---------------------------------------------------------------------------------------------------


def test_it_is_an_adapter_that_only_reads(tmp_path: Path) -> None:
    adapter = export(tmp_path, leads=LEADS)
    assert isinstance(adapter, CrmAdapter)
    with pytest.raises(FatalError, match="read only"):
        adapter.upsert_contact(ContactInput(email="a@b.example"))


def test_an_unchanged_source_brings_nothing_and_a_changed_one_everything(tmp_path: Path) -> None:
    adapter = export(tmp_path, leads=LEADS)
    [page] = adapter.changes(Kind.LEAD, None)
    [again] = export(tmp_path, leads=LEADS).changes(Kind.LEAD, page.cursor)
    assert (again.changes, again.done) == ((), True)
    [changed] = export(tmp_path, leads=LEADS + "a4,2018-03-02,l1,x\n").changes(Kind.LEAD, page.cursor)
    assert len(changed.changes) == 4


def test_a_zip_reads_like_its_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("crm/leads.csv", LEADS)
        archive.writestr("crm/closed_deals.csv", CLOSED)
        archive.writestr("__MACOSX/._leads.csv", "x")
    adapter = CsvExport(tmp_path / "all.zip", guess_mapping(inspect_export(tmp_path / "all.zip")))
    assert [lead.converted for lead in taken(adapter, Kind.LEAD)] == [True, True, False]


def test_a_mapping_survives_its_file(tmp_path: Path) -> None:
    mapping = export(tmp_path, leads=LEADS, closed_deals=CLOSED).mapping
    mapping.write(tmp_path / "mapping.json")
    assert ExportMapping.read(tmp_path / "mapping.json") == mapping


def test_a_saved_mapping_serves_a_later_export_under_another_name(tmp_path: Path) -> None:
    mapping = export(tmp_path, deals_january="Deal ID,Stage\nD1,Won\n").mapping
    (tmp_path / "deals_january.csv").rename(tmp_path / "deals_february.csv")
    later = CsvExport(tmp_path, mapping)
    assert [deal.external_id for deal in taken(later, Kind.DEAL)] == ["D1"]
    assert all(check.ok for check in later.check())


def test_a_mapped_file_that_is_gone_is_told_and_its_kind_is_missing(tmp_path: Path) -> None:
    mapping = export(tmp_path, deals="Deal ID,Stage\nD1,Won\n", leads=LEADS).mapping
    (tmp_path / "leads.csv").unlink()
    later = CsvExport(tmp_path, mapping)
    assert [check.name for check in later.check() if not check.ok] == ["leads.csv"]
    assert Kind.LEAD not in later.capabilities.kinds
    assert "lead" in {missing.kind for missing in later.capabilities.missing}


def test_a_wrong_mapping_file_is_named_with_its_mistake(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text('{"files": {"deals.csv": {"kind": "deal", "columns": {"colour": "x"}}}}')
    with pytest.raises(ConfigError, match="colour"):
        ExportMapping.read(tmp_path / "m.json")


def test_a_mapped_column_that_the_file_lacks_is_told_by_check_and_stops_the_import(tmp_path: Path) -> None:
    adapter = export(tmp_path, leads=LEADS)
    file = adapter.mapping.files["leads.csv"]
    wrong = file.model_copy(update={"columns": file.columns | {"email": ColumnUse(column="mail")}})
    edited = CsvExport(tmp_path, ExportMapping(files={"leads.csv": wrong}))
    assert [check.ok for check in edited.check()] == [True, False]
    with pytest.raises(FatalError, match="no column 'mail'"):
        next(edited.changes(Kind.LEAD, None))
