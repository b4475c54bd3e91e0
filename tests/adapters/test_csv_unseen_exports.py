# ruff: noqa: E501  (rows of tables stand as they are)
"""Exports as people keep them: several files, odd tables, mixed amounts. What is guessed must be right without help."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path

import pytest
from made_exports import export, opened, shown, taken

from adapters.csv_export import CsvExport, guess_mapping, inspect_export
from adapters.records import Deal, Kind, Lead

# --- leads and closed deals in two files ---------------------------------------------------------------------------

OLIST_LEADS = """\
mql_id,first_contact_date,landing_page_id,origin
dac3,2018-02-01,88740e65,social
8c18,2017-10-20,007f9098,paid_search
b4bc,2018-03-22,a7982125,organic_search
6be0,2018-01-22,d45d558f,unknown
"""
OLIST_DEALS = """\
mql_id,seller_id,sdr_id,sr_id,won_date,business_segment,lead_type,lead_behaviour_profile,has_company,has_gtin,\
average_stock,business_type,declared_product_catalog_size,declared_monthly_revenue
8c18,2c43,a8387c01,4ef15afb,2018-02-26 19:58:54,pet,online_medium,cat,,,,reseller,,0.0
dac3,bbb7,09285259,d3d1e911,2018-05-08 20:17:59,car_accessories,industry,eagle,,,,reseller,,0.0
"""


@pytest.mark.parametrize(
    ("leads", "deals", "mark"),
    [("olist_marketing_qualified_leads_dataset.csv", "olist_closed_deals_dataset.csv", ","),
     ("mql.txt", "funnel/sales.txt", "\t"), ("a.csv", "b.csv", "|")],
)  # fmt: skip
def test_a_marketing_funnel_in_two_files_is_joined_by_the_leads_id(
    leads: str, deals: str, mark: str, tmp_path: Path
) -> None:
    adapter = opened(tmp_path, {leads: OLIST_LEADS.replace(",", mark), deals: OLIST_DEALS.replace(",", mark)})
    found: list[Lead] = taken(adapter, Kind.LEAD)
    assert [(lead.external_id, lead.source, lead.converted) for lead in found] == [
        ("dac3", "social", True), ("8c18", "paid_search", True), ("b4bc", "organic_search", False),
        ("6be0", "unknown", False),
    ]  # fmt: skip
    assert shown(taken(adapter, Kind.DEAL)) == [
        ("8c18", "won", None, None, "4ef15afb", "2017-10-20", "2018-02-26"),
        ("dac3", "won", None, None, "d3d1e911", "2018-02-01", "2018-05-08"),
    ]


NAMELESS = {
    "values alone": (
        {"instroom.csv": "code;datum;bron\nQ-100;01-02-2024;Beurs\nQ-101;02-02-2024;Web\nQ-102;13-02-2024;Web\nQ-103;14-02-2024;\n",
         "getekend.csv": "nr;aanvraag;bedrag;op;door\n9;Q-101;1.500,00;20-03-2024;Jan\n10;Q-103;2.500,00;21-03-2024;Piet\n"},
        [("Q-100", False), ("Q-101", True), ("Q-102", False), ("Q-103", True)],
        [("9", "won", 150_000, "2024-02-02", "2024-03-20"), ("10", "won", 250_000, "2024-02-14", "2024-03-21")],
    ),
    "one name": (
        {"funnel_a.tsv": "contact_uuid\tfirst_touch\tpage\tchannel\n88\t2018-02-01\tp1\tsocial\n99\t2018-02-02\tp1\t\n77\t2018-02-03\tp2\tads\n",
         "funnel_b.tsv": "contact_uuid\tvendor\tcloser\tsigned\tsegment\n99\tv1\tr1\t2018-03-03 10:00:00\tpet\n77\tv2\tr2\t2018-03-04 10:00:00\tcar\n"},
        [("88", False), ("99", True), ("77", True)],
        [("99", "won", None, "2018-02-02", "2018-03-03"), ("77", "won", None, "2018-02-03", "2018-03-04")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NAMELESS)
def test_a_funnel_without_telling_names_is_found_by_the_id_that_both_files_hold(case: str, tmp_path: Path) -> None:
    files, converted, deals = NAMELESS[case]
    adapter = opened(tmp_path, files)
    leads: list[Lead] = taken(adapter, Kind.LEAD)
    assert [(lead.external_id, lead.converted) for lead in leads] == converted
    assert [(*row[:3], *row[5:]) for row in shown(taken(adapter, Kind.DEAL))] == deals
    assert all(file.questions for file in adapter.mapping.files.values() if file.kind is Kind.DEAL)


def test_two_lists_that_share_an_id_and_no_time_are_no_funnel(tmp_path: Path) -> None:
    adapter = export(
        tmp_path,
        deals="Deal ID,Stage\n1,Won\n",
        stations="station,height\nS-1,5\nS-2,6\nS-3,7\n",
        sensors="sensor,station\nX-1,S-1\nX-2,S-3\n",
    )
    assert [name for name, file in adapter.mapping.files.items() if file.kind != "ignore"] == ["deals.csv"]


def test_a_day_that_is_none_refuses_its_row_and_not_its_column(tmp_path: Path) -> None:
    text = "Opportunity ID,Stage,Close date\n1,Won,2024-01-31\n2,Won,2024-02-31\n"
    adapter = export(tmp_path, opportunities=text)
    assert [row[6] for row in shown(taken(adapter, Kind.DEAL))] == ["2024-01-31"]
    assert [row.line for row in adapter.rejections()] == [3]


def test_leads_and_deals_joined_by_e_mail_alone_are_not_joined_wrongly(tmp_path: Path) -> None:
    leads = "Email,Full name,Source,Created\na@x.example,Ann,Web,2024-01-01\nb@x.example,Bob,Fair,2024-01-02\n"
    deals = "Deal ID,Stage,Amount,Contact email\nD1,Won,5,a@x.example\n"
    adapter = export(tmp_path, leads=leads, deals=deals)
    assert [lead.email for lead in taken(adapter, Kind.LEAD)] == ["a@x.example", "b@x.example"]
    assert [deal.status for deal in taken(adapter, Kind.DEAL)] == ["won"]


# --- how tables are written ----------------------------------------------------------------------------------------


def test_excels_separator_line_titles_totals_and_trailing_marks_are_seen_through(tmp_path: Path) -> None:
    text = (
        "sep=;\nPipeline report;;;;;\nStand: 01.06.2024;;;;;\n;;;;;\nNr.;Projekt;Phase;Summe;Angelegt;\n"
        "1;Halle;Angebot;1.234,50;31.01.2024;\n2;Dach;Auftrag gewonnen;99,00;01.02.2024;\n \n;;;;;\n"
        "Summe;;;1.333,50;;\n"
    )
    adapter = export(tmp_path, encoding="cp1252", verkaufschancen=text)
    assert shown(taken(adapter, Kind.DEAL)) == [
        ("1", "open", 123_450, None, None, "2024-01-31", ""),
        ("2", "won", 9_900, None, None, "2024-02-01", ""),
    ]
    assert [(row.line, row.reason) for row in adapter.rejections()] == [(10, "a row of totals, not a record")]


def test_unicode_text_of_a_spreadsheet_with_lines_inside_cells_is_read(tmp_path: Path) -> None:
    text = 'Opportunity\tStage\tValue\tOpened\r\n"Two\nlines"\tWon\t£1,200.00\t2024-01-05\r\nÜber\tOpen\t£7.50\t2024-01-06\r\n'
    deals: list[Deal] = taken(opened(tmp_path, {"pipeline.txt": text}, encoding="utf-16"), Kind.DEAL)
    assert [(deal.name, str(deal.status), deal.amount_minor, deal.currency) for deal in deals] == [
        ("Two\nlines", "won", 120_000, "GBP"), ("Über", "open", 750, "GBP")
    ]  # fmt: skip


def test_a_zip_of_monthly_folders_is_one_export_and_the_later_month_wins(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "crm.zip", "w") as archive:
        archive.writestr("2024-01/deals.csv", "Deal ID,Stage,Amount\n1,Open,5\n2,Open,6\n")
        archive.writestr("2024-02/deals.csv", "Deal ID,Stage,Amount\n2,Won,7\n3,Open,8\n")
        archive.writestr("2024-02/archive/old.zip", b"PK")
        archive.writestr("readme.txt", "Exported by hand.\n")
    adapter = CsvExport(tmp_path / "crm.zip", guess_mapping(inspect_export(tmp_path / "crm.zip")))
    assert [row[:3] for row in shown(taken(adapter, Kind.DEAL))] == [
        ("1", "open", 500), ("2", "won", 700), ("3", "open", 800)
    ]  # fmt: skip
    assert [row.source for row in adapter.rejections()] == ["2024-01/deals.csv"]
    left_out = {report.file: report.left_out for report in adapter.take_stock() if report.left_out}
    assert left_out.keys() == {"2024-02/archive/old.zip", "readme.txt"}


def test_won_and_lost_deals_in_a_file_each_are_one_list(tmp_path: Path) -> None:
    adapter = export(
        tmp_path,
        won_deals="Deal,Deal ID,Value,Won on\nA,1,5,2024-01-01\nB,2,6,2024-01-02\n",
        lost_deals="Title,ID,Amount,Lost on,Lost reason\nC,3,7,2024-01-03,Price\n",
    )
    assert sorted(shown(taken(adapter, Kind.DEAL))) == [
        ("1", "won", 500, None, None, "", "2024-01-01"),
        ("2", "won", 600, None, None, "", "2024-01-02"),
        ("3", "lost", 700, None, None, "", "2024-01-03"),
    ]


def test_a_date_that_fits_both_orders_is_read_as_the_rest_of_the_export_is(tmp_path: Path) -> None:
    adapter = export(
        tmp_path,
        deals="Deal ID,Stage,Created\n1,Won,03/04/2024\n2,Open,05/06/2024\n",
        activities="Activity ID,Type,Date,Owner\n1,Call,28/02/2024,Ann\n2,Call,03/04/2024,Ann\n",
    )
    assert [deal.created_at.month for deal in taken(adapter, Kind.DEAL)] == [4, 6]
    assert any("other files" in note.reason for note in adapter.mapping.files["deals.csv"].notes)


def test_amounts_of_several_currencies_in_one_column_stay_apart(tmp_path: Path) -> None:
    text = (
        'Deal ID,Stage,Deal size\n1,Won,"$1,200.00"\n2,Won,€900\n3,Open,"£1,000"\n4,Open,CHF 1\'000.-\n5,Open,¥5000\n'
    )
    deals: list[Deal] = taken(export(tmp_path, deals=text), Kind.DEAL)
    assert [(deal.amount_minor, deal.currency) for deal in deals] == [
        (120_000, "USD"), (90_000, "EUR"), (100_000, "GBP"), (100_000, "CHF"), (5_000, "JPY")
    ]  # fmt: skip


def test_a_flag_alone_tells_who_won(tmp_path: Path) -> None:
    text = "Opp No,Customer,Rep,Won?,Decision date,Quote value\nQ1,Alpha,Ann,Y,2024-01-05,100\nQ2,Beta,Bob,N,2024-01-06,50\n"
    deals: list[Deal] = taken(export(tmp_path, quotes=text), Kind.DEAL)
    assert [(deal.external_id, str(deal.status), deal.amount_minor) for deal in deals] == [
        ("Q1", "won", 10_000), ("Q2", "lost", 5_000)
    ]  # fmt: skip


def test_semicolons_with_decimal_points_and_commas_with_quoted_decimal_commas_are_told_by_the_values(
    tmp_path: Path,
) -> None:
    points = "Deal ID;Stage;Amount\n1;Won;1234.50\n2;Open;0.75\n"
    commas = 'Deal ID,Stage,Amount\n3,Won,"1234,50"\n4,Open,"0,75"\n'
    deals: list[Deal] = taken(export(tmp_path, deals_a=points, deals_b=commas), Kind.DEAL)
    assert [deal.amount_minor for deal in deals] == [123_450, 75, 123_450, 75]


def test_tables_about_something_else_are_left_out_with_a_reason(tmp_path: Path) -> None:
    adapter = export(
        tmp_path,
        deals="Deal ID,Stage\n1,Won\n",
        air_passengers="Month,Passengers\n1949-01,112\n1949-02,118\n1949-03,132\n",
        weather="station,temp_c,wind\nA,3.5,10\nB,4.0,12\n",
        series="V1,V2,V3\nW1,1089.2,1078.9\nW2,1000.0,1001.2\n",
    )
    left_out = {report.file: report.left_out for report in adapter.take_stock() if report.left_out}
    assert left_out.keys() == {"air_passengers.csv", "weather.csv", "series.csv"}
    assert all(left_out.values())


def test_an_expected_close_date_is_no_close_date(tmp_path: Path) -> None:
    text = "Deal ID,Stage,Expected close,Created\n1,Open,2024-05-01,2024-01-01\n2,Won,2024-03-01,2024-01-01\n"
    deals: list[Deal] = taken(export(tmp_path, deals=text), Kind.DEAL)
    assert [(deal.closed_at, deal.close_on) for deal in deals] == [(None, date(2024, 5, 1)), (None, None)]


def test_amounts_in_thousands_and_in_crowns_are_read_as_their_columns_say(tmp_path: Path) -> None:
    adapter = export(
        tmp_path,
        pipeline_a="Kunde;Vorgang;Volumen (T€);Status\nA AG;Halle;12,5;offen\nB AG;Dach;7;gewonnen\n",
        pipeline_b="ID;Affär;Fas;Värde;Ägare\n1;Hall;Offert;12 500 kr;Åsa\n2;Tak;Vunnen;1 000,50 kr;Åsa\n",
    )
    deals: list[Deal] = taken(adapter, Kind.DEAL)
    assert [(deal.amount_minor, deal.currency, str(deal.status)) for deal in deals] == [
        (1_250_000, "EUR", "open"), (700_000, "EUR", "won"), (1_250_000, "SEK", "open"), (100_050, "SEK", "won")
    ]  # fmt: skip


def test_files_named_after_nothing_are_told_by_their_columns_and_joined(tmp_path: Path) -> None:
    adapter = export(
        tmp_path,
        export='"id";"lead_ref";"betrag_netto";"abschluss";"verantwortlich"\n"1";"A-1";"1.000,00";"2024-03-01";"Ute"\n'
        '"2";"A-2";"2.000,00";"2024-03-02";"Ute"\n',
        liste='"nummer";"eingang";"quelle"\n"A-1";"2024-01-01";"Web"\n"A-2";"2024-01-02";"Messe"\n"A-3";"2024-01-03";"Messe"\n',
    )
    assert [(lead.external_id, lead.converted, lead.deal_id) for lead in taken(adapter, Kind.LEAD)] == [
        ("A-1", True, "1"), ("A-2", True, "2"), ("A-3", False, None)
    ]  # fmt: skip
    assert [row[:3] for row in shown(taken(adapter, Kind.DEAL))] == [("1", "won", 100_000), ("2", "won", 200_000)]


def test_short_words_that_occur_once_are_no_ids(tmp_path: Path) -> None:
    text = (
        "Company,Rating,Deal value,Stage reached,Date entered\nA,Hot,$1000,Demo,1/13/2024\nB,Cold,$2000,Won,2/14/2024\n"
    )
    adapter = export(tmp_path, sales=text)
    assert "id" not in adapter.mapping.files["sales.csv"].columns
    assert any("id column" in question for question in adapter.mapping.files["sales.csv"].questions)


def test_a_mark_of_several_currencies_is_asked_about(tmp_path: Path) -> None:
    adapter = export(
        tmp_path,
        crowns="Deal ID,Stage,Amount\n1,Won,500 kr\n2,Open,700 kr\n",
        dollars="Deal ID,Stage,Amount\n3,Won,$500\n4,Open,$700\n",
        euros="Deal ID,Stage,Amount\n5,Won,500 €\n6,Open,700 €\n",
    )
    asked = {name: " ".join(file.questions) for name, file in adapter.mapping.files.items()}
    assert "kr" in asked["crowns.csv"]
    assert "$" in asked["dollars.csv"]
    assert asked["euros.csv"] == ""
