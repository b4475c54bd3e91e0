# ruff: noqa: E501  (rows of tables stand as they are)
"""Exports of CRMs that many use: what is guessed of them must be right without any help."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_exports import export, opened, shown, taken

from adapters.csv_export import CsvExport
from adapters.records import Activity, ActivityKind, Company, Contact, Deal, Kind, Lead, Owner

# --- HubSpot -------------------------------------------------------------------------------------------------------

HUBSPOT_DEALS = """\
"Record ID","Deal Name","Deal Stage","Pipeline","Amount","Amount in company currency","Deal owner","Close Date",\
"Create Date","Last Activity Date","Deal probability","Weighted amount","Is Closed Won","Associated Company IDs (Primary)",\
"Associated Company (Primary)","Associated Contact IDs","Original Traffic Source"
"9001","Alpha rollout","Appointment Scheduled","Sales Pipeline","12000","12000","Ann Lee","2024-06-30 17:00",\
"2024-03-01 09:12","2024-05-20 10:00","0.2","2400","false","501","Alpha GmbH","701;702","Organic Search"
"9002","Beta renewal","Closed Won","Sales Pipeline","5000.50","5000.50","Bob Ray","2024-04-15 12:30",\
"2024-02-11 08:00","2024-04-15 12:00","1","5000.5","true","502","Beta Ltd","703","Direct Traffic"
"9003","Gamma","Closed Lost","Sales Pipeline","","","Ann Lee","2024-05-02 11:00",\
"2024-04-01 16:40","","0","","false","501","Alpha GmbH","",""
"""
HUBSPOT_COMPANIES = """\
"Record ID","Company name","Company owner","Create Date","Phone Number","Last Activity Date","City","Country/Region",\
"Industry","Number of Employees","Annual Revenue","Company Domain Name"
"501","Alpha GmbH","Ann Lee","2023-01-01 10:00","+49 30 1234567","2024-05-20 10:00","Berlin","Germany","Machinery","250","25000000","alpha.example"
"502","Beta Ltd","Bob Ray","2023-02-01 10:00","","","Leeds","United Kingdom","Retail","40","","beta.example"
"""
HUBSPOT_CONTACTS = """\
"Record ID","First Name","Last Name","Email","Phone Number","Contact owner","Primary Associated Company ID",\
"Lifecycle Stage","Lead Status","Create Date"
"701","Carla","Stein","carla@alpha.example","+49 30 777","Ann Lee","501","Customer","Connected","2023-01-05 10:00"
"702","Dirk","Alt","dirk@alpha.example","","Ann Lee","501","Lead","New","2023-01-06 10:00"
"703","Eve","Moss","eve@beta.example","","Bob Ray","502","Customer","","2023-02-06 10:00"
"""


@pytest.fixture
def hubspot(tmp_path: Path) -> CsvExport:
    files = {
        "hubspot-crm-exports-all-deals-2024-06-01.csv": HUBSPOT_DEALS,
        "hubspot-crm-exports-all-companies-2024-06-01.csv": HUBSPOT_COMPANIES,
        "hubspot-crm-exports-all-contacts-2024-06-01.csv": HUBSPOT_CONTACTS,
    }
    return opened(tmp_path, files)


def test_hubspot_deals_are_read_and_joined_to_companies_and_contacts(hubspot: CsvExport) -> None:
    deals: list[Deal] = taken(hubspot, Kind.DEAL)
    assert shown(deals) == [
        ("9001", "open", 1_200_000, None, "Ann Lee", "2024-03-01", "2024-06-30"),
        ("9002", "won", 500_050, None, "Bob Ray", "2024-02-11", "2024-04-15"),
        ("9003", "lost", None, None, "Ann Lee", "2024-04-01", "2024-05-02"),
    ]
    assert [(deal.company_id, deal.contact_ids) for deal in deals] == [
        ("501", ("701", "702")),
        ("502", ("703",)),
        ("501", ()),
    ]


def test_hubspot_contacts_and_companies_are_no_leads(hubspot: CsvExport) -> None:
    contacts: list[Contact] = taken(hubspot, Kind.CONTACT)
    assert [(one.external_id, one.name, one.company_id) for one in contacts] == [
        ("701", "Carla Stein", "501"), ("702", "Dirk Alt", "501"), ("703", "Eve Moss", "502")
    ]  # fmt: skip
    companies: list[Company] = taken(hubspot, Kind.COMPANY)
    assert [(one.name, one.employees, one.country) for one in companies] == [
        ("Alpha GmbH", 250, "Germany"), ("Beta Ltd", 40, "United Kingdom")
    ]  # fmt: skip
    assert Kind.LEAD not in hubspot.capabilities.kinds


def test_hubspot_in_german_is_read_alike(tmp_path: Path) -> None:
    text = (
        "Datensatz-ID;Dealname;Dealphase;Betrag;Für Deal zuständiger Mitarbeiter;Abschlussdatum;Erstellungsdatum;"
        "Zugehöriges Unternehmen\n"
        "1;Halle 4;Termin geplant;12.500,00;Jörg Groß;30.06.2024 17:00;01.03.2024 09:12;Müller AG\n"
        "2;Umbau;Abgeschlossen und gewonnen;1.000,50;Ute Maß;15.04.2024 12:30;11.02.2024 08:00;Süd KG\n"
        "3;Neubau;Abgeschlossen und verloren;;Ute Maß;02.05.2024 11:00;01.04.2024 16:40;Süd KG\n"
    )
    deals: list[Deal] = taken(export(tmp_path, encoding="utf-8-sig", alle_deals=text), Kind.DEAL)
    assert shown(deals) == [
        ("1", "open", 1_250_000, None, "Jörg Groß", "2024-03-01", "2024-06-30"),
        ("2", "won", 100_050, None, "Ute Maß", "2024-02-11", "2024-04-15"),
        ("3", "lost", None, None, "Ute Maß", "2024-04-01", "2024-05-02"),
    ]
    assert [deal.company_id for deal in deals] == ["Müller AG", "Süd KG", "Süd KG"]


# --- Salesforce ----------------------------------------------------------------------------------------------------

SALESFORCE = {
    "Opportunity.csv": """\
"ID","ISDELETED","ACCOUNTID","NAME","STAGENAME","AMOUNT","PROBABILITY","EXPECTEDREVENUE","CLOSEDATE","TYPE",\
"LEADSOURCE","ISCLOSED","ISWON","FORECASTCATEGORY","CURRENCYISOCODE","OWNERID","CREATEDDATE","LASTMODIFIEDDATE"
"006A","false","001A","Turbine","Proposal/Price Quote","90000.0","75.0","67500.0","2024-09-30","New Customer","Web",\
"false","false","Best Case","USD","005A","2024-01-10 08:00:00","2024-05-01 10:00:00"
"006B","false","001B","Spare parts","Closed Won","1200.0","100.0","1200.0","2024-03-31","Existing Customer","",\
"true","true","Closed","EUR","005B","2024-02-10 08:00:00","2024-03-31 10:00:00"
"006C","false","001B","Valves","Closed Lost","300.0","0.0","0.0","2024-04-30","Existing Customer","Partner",\
"true","false","Omitted","EUR","005B","2024-02-11 08:00:00","2024-04-30 10:00:00"
"006D","true","001B","Typed twice","Qualification","300.0","10.0","30.0","2024-04-30","","","false","false","Pipeline",\
"EUR","005B","2024-02-11 08:00:00","2024-02-12 10:00:00"
""",
    "Account.csv": '"ID","NAME","INDUSTRY","NUMBEROFEMPLOYEES","ANNUALREVENUE","BILLINGCOUNTRY","OWNERID"\n'
    '"001A","Edge Power","Energy","400","1000000.0","US","005A"\n"001B","Grand Hotels","Hospitality","5600","","DE","005B"\n',
    "User.csv": '"ID","USERNAME","FIRSTNAME","LASTNAME","EMAIL","ISACTIVE"\n'
    '"005A","ann@x.example","Ann","Lee","ann@x.example","true"\n"005B","bob@x.example","Bob","Ray","bob@x.example","false"\n',
    "Lead.csv": '"ID","LASTNAME","FIRSTNAME","COMPANY","EMAIL","LEADSOURCE","STATUS","ISCONVERTED","CONVERTEDDATE",'
    '"CONVERTEDOPPORTUNITYID","OWNERID","CREATEDDATE"\n'
    '"00QA","Moss","Eve","Edge Power","eve@e.example","Web","Closed - Converted","true","2024-01-10","006A","005A",'
    '"2024-01-02 08:00:00"\n'
    '"00QB","Alt","Dirk","Nord","dirk@n.example","Purchased List","Open - Not Contacted","false","","","005B",'
    '"2024-01-03 08:00:00"\n',
    "Task.csv": '"ID","WHOID","WHATID","SUBJECT","ACTIVITYDATE","STATUS","OWNERID","TASKSUBTYPE",'
    '"CALLDURATIONINSECONDS","CREATEDDATE"\n'
    '"00TA","","006A","Call","2024-02-01","Completed","005A","Call","120","2024-01-31 08:00:00"\n'
    '"00TB","","006B","Email: offer","2024-02-02","Completed","005B","Email","","2024-02-02 08:00:00"\n',
}


def test_a_salesforce_data_export_is_read_from_its_upper_case_columns(tmp_path: Path) -> None:
    adapter = opened(tmp_path, SALESFORCE)
    assert shown(taken(adapter, Kind.DEAL)) == [
        ("006A", "open", 9_000_000, "USD", "005A", "2024-01-10", "2024-09-30"),
        ("006B", "won", 120_000, "EUR", "005B", "2024-02-10", "2024-03-31"),
        ("006C", "lost", 30_000, "EUR", "005B", "2024-02-11", "2024-04-30"),
    ]
    assert [deal.company_id for deal in taken(adapter, Kind.DEAL)] == ["001A", "001B", "001B"]
    assert [(row.line, row.reason) for row in adapter.rejections()] == [(5, "it is marked as deleted in the CRM")]


def test_salesforce_users_leads_and_tasks_find_each_other(tmp_path: Path) -> None:
    adapter = opened(tmp_path, SALESFORCE)
    owners: list[Owner] = adapter.list_owners()
    assert [(one.external_id, one.name, one.is_active) for one in owners] == [
        ("005A", "Ann Lee", True), ("005B", "Bob Ray", False)
    ]  # fmt: skip
    leads: list[Lead] = taken(adapter, Kind.LEAD)
    assert [(one.external_id, one.name, one.converted, one.deal_id, one.source) for one in leads] == [
        ("00QA", "Eve Moss", True, "006A", "Web"), ("00QB", "Dirk Alt", False, None, "Purchased List")
    ]  # fmt: skip
    tasks: list[Activity] = taken(adapter, Kind.ACTIVITY)
    assert [(one.kind, one.owner_id, one.deal_id, one.duration_s, str(one.occurred_at)[:10]) for one in tasks] == [
        (ActivityKind.CALL, "005A", "006A", 120, "2024-02-01"), (ActivityKind.EMAIL, "005B", "006B", None, "2024-02-02")
    ]  # fmt: skip


SALESFORCE_REPORT = """\
"Opportunity Owner","Account Name","Opportunity Name","Stage","Fiscal Period","Amount Currency","Amount",\
"Probability (%)","Age","Close Date","Created Date","Next Step","Lead Source","Opportunity ID"
"Zoë Ångström","Café Noir","Machines","Negotiation/Review","Q2-2024","EUR","1,200.00","90","31","6/30/2024","5/13/2024","","Web","a1"
"Zoë Ångström","Île Sàrl","Beans","Closed Won","Q1-2024","USD","2,000.00","100","12","3/1/2024","2/18/2024","","","a2"


"Grand Totals (2 records)","","","","","","3,200.00","","","","","","",""

"Pipeline by rep"
"Copyright (c) 2000-2024 salesforce.com, inc. All rights reserved."
"Confidential Information - Do Not Distribute"
"Generated By:  Zoë Ångström  6/1/2024 2:03 PM"
"""


def test_a_salesforce_report_keeps_its_footer_out(tmp_path: Path) -> None:
    adapter = export(tmp_path, encoding="latin-1", report1718=SALESFORCE_REPORT)
    assert shown(taken(adapter, Kind.DEAL)) == [
        ("a1", "open", 120_000, "EUR", "Zoë Ångström", "2024-05-13", "2024-06-30"),
        ("a2", "won", 200_000, "USD", "Zoë Ångström", "2024-02-18", "2024-03-01"),
    ]
    refused = {row.line: row.reason for row in adapter.rejections()}
    assert refused[6] == "a row of totals, not a record"
    assert sorted(refused) == [6, 8, 9, 10, 11]


# --- Pipedrive, Zoho, Close ----------------------------------------------------------------------------------------

PIPEDRIVE = {
    "deals-1234-56.csv": """\
Deal - ID,Deal - Title,Deal - Status,Deal - Value,Deal - Currency of Value,Deal - Weighted value,Deal - Probability,\
Deal - Organization,Deal - Pipeline,Deal - Contact person,Deal - Stage,Deal - Label,Deal - Expected close date,\
Deal - Owner,Deal - Deal created,Deal - Update time,Deal - Won time,Deal - Lost time,Deal - Lost reason,Deal - Source channel
11,Alpha deal,Open,"1,500",EUR,750,50,Alpha,Pipeline,Carla,Proposal Made,,2024-07-01,Ann Lee,2024-05-01 10:00:00,2024-05-09 10:00:00,,,,Web forms
12,Beta deal,Won,900,USD,900,,Beta,Pipeline,,Negotiations Started,Hot,,Bob Ray,2024-04-01 10:00:00,2024-05-01 11:00:00,2024-05-01 11:00:00,,,
13,Gamma deal,Lost,0,EUR,0,,Beta,Pipeline,,Lead In,,,Bob Ray,2024-04-02 10:00:00,2024-05-02 11:00:00,,2024-05-02 11:00:00,Price,
""",
    "activities-1234-57.csv": """\
Activity - ID,Activity - Done,Activity - Type,Activity - Subject,Activity - Deal,Activity - Contact person,\
Activity - Due date,Activity - Duration,Activity - Assigned to user,Activity - Marked as done time
1,Done,Call,Call Carla,Alpha deal,Carla,2024-05-03,00:30:00,Ann Lee,2024-05-03 12:00:00
2,To do,Meeting,Visit,Beta deal,,2024-05-04,01:00:00,Bob Ray,
""",
}


def test_a_pipedrive_export_tells_status_from_stage(tmp_path: Path) -> None:
    adapter = opened(tmp_path, PIPEDRIVE)
    deals: list[Deal] = taken(adapter, Kind.DEAL)
    assert shown(deals) == [
        ("11", "open", 150_000, "EUR", "Ann Lee", "2024-05-01", "2024-07-01"),
        ("12", "won", 90_000, "USD", "Bob Ray", "2024-04-01", "2024-05-01"),
        ("13", "lost", 0, "EUR", "Bob Ray", "2024-04-02", "2024-05-02"),
    ]
    assert deals[0].source == "Web forms"


def test_pipedrive_activities_belong_to_deals_by_title(tmp_path: Path) -> None:
    found: list[Activity] = taken(opened(tmp_path, PIPEDRIVE), Kind.ACTIVITY)
    assert [(one.kind, one.deal_id, one.owner_id, one.duration_s) for one in found] == [
        (ActivityKind.CALL, "11", "Ann Lee", 1800), (ActivityKind.MEETING, "12", "Bob Ray", 3600)
    ]  # fmt: skip


def test_zoho_columns_with_ids_beside_names_are_told_apart(tmp_path: Path) -> None:
    text = (
        "Record Id,Deal Owner.id,Deal Owner,Amount,Deal Name,Closing Date,Account Name.id,Account Name,Stage,Type,"
        "Probability (%),Next Step,Expected Revenue,Lead Source,Contact Name.id,Contact Name,Created By.id,Created By,"
        "Created Time,Modified Time,Last Activity Time\n"
        "zcrm_1,zcrm_u1,Ann Lee,Rs. 0,Alpha,2024-06-30,zcrm_a1,Alpha Inc,Qualification,,10,,0,Cold Call,,,zcrm_u9,Eve,"
        "2024-01-01 10:00:00,2024-01-05 10:00:00,\n"
        "zcrm_2,zcrm_u2,Bob Ray,$ 750,Beta,2024-03-30,zcrm_a2,Beta Inc,Closed Won,,100,,750,,,,zcrm_u9,Eve,"
        "2024-01-02 10:00:00,2024-03-30 10:00:00,\n"
    ).replace("Rs. 0", "$ 20")
    adapter = export(tmp_path, Deals_2024=text)
    deals: list[Deal] = taken(adapter, Kind.DEAL)
    assert shown(deals) == [
        ("zcrm_1", "open", 2_000, "USD", "zcrm_u1", "2024-01-01", "2024-06-30"),
        ("zcrm_2", "won", 75_000, "USD", "zcrm_u2", "2024-01-02", "2024-03-30"),
    ]
    assert [owner.name for owner in adapter.list_owners()] == ["Ann Lee", "Bob Ray"]
    assert [company.name for company in taken(adapter, Kind.COMPANY)] == ["Alpha Inc", "Beta Inc"]


def test_close_opportunities_are_read_by_their_status_type(tmp_path: Path) -> None:
    text = (
        "id,lead_name,contact_name,user_name,status_label,status_type,pipeline_name,value_formatted,value_period,"
        "confidence,date_created,date_updated,date_won,date_lost\n"
        'oppo_1,Alpha,Carla,Ann Lee,Demo completed,active,Sales,"$1,500",one_time,50,2024-05-01T10:00:00+00:00,'
        "2024-05-02T10:00:00+00:00,,\n"
        "oppo_2,Beta,,Bob Ray,Signed,won,Sales,$900,one_time,100,2024-04-01T10:00:00+00:00,"
        "2024-05-02T10:00:00+00:00,2024-05-01,\n"
        "oppo_3,Beta,,Bob Ray,No budget,lost,Sales,$0,one_time,0,2024-04-02T10:00:00+00:00,"
        "2024-05-02T10:00:00+00:00,,2024-05-02\n"
    )
    assert shown(taken(export(tmp_path, opportunities=text), Kind.DEAL)) == [
        ("oppo_1", "open", 150_000, "USD", "Ann Lee", "2024-05-01", ""),
        ("oppo_2", "won", 90_000, "USD", "Bob Ray", "2024-04-01", "2024-05-01"),
        ("oppo_3", "lost", 0, "USD", "Bob Ray", "2024-04-02", "2024-05-02"),
    ]


# --- Dynamics, boards ---------------------------------------------------------------------------------------------


def test_dynamics_views_are_read_beside_their_hidden_columns(tmp_path: Path) -> None:
    text = """\
(Do Not Modify) Opportunity,(Do Not Modify) Row Checksum,(Do Not Modify) Modified On,Topic,Est. Close Date,Est. Revenue,Contact,Account,Probability,Status,Status Reason,Actual Close Date,Actual Revenue,Owner,Created On
5b-1,x=,2024-02-03 10:00,Alpha,2024-06-30,"$1,000.00",Zed,Acme,20,Open,In Progress,,,Ann,2024-01-03 10:00
5b-2,y=,2024-02-03 10:00,Beta,2024-03-31,"$2,000.00",Zed,Acme,20,Won,Won,2024-03-29,"$1,900.00",Bob,2024-01-04 10:00
5b-3,z=,2024-02-03 10:00,Gam,2024-03-31,"$2,000.00",Zed,Acme,20,Lost,Out-Sold,2024-03-29,,Bob,2024-01-04 10:00
"""
    assert shown(taken(opened(tmp_path, {"Opportunity Advanced Find View.csv": text}), Kind.DEAL)) == [
        ("5b-1", "open", 100_000, "USD", "Ann", "2024-01-03", "2024-06-30"),
        ("5b-2", "won", 200_000, "USD", "Bob", "2024-01-04", "2024-03-29"),
        ("5b-3", "lost", 200_000, "USD", "Bob", "2024-01-04", "2024-03-29"),
    ]


def test_a_board_with_group_headings_keeps_them_out(tmp_path: Path) -> None:
    text = (
        "Name,Subitems,Stage,Owner,Deal Value,Deal creation date,Close Date,Account\nGroup: Active,,,,,,,\n"
        "Alpha,,Proposal,Ann,1000,2024-01-02,2024-06-01,Acme\nBeta,,Won,Bob,2000,2024-01-03,2024-05-01,Acme\n"
    )
    adapter = opened(tmp_path, {"Sales board.csv": text})
    assert [deal.name for deal in taken(adapter, Kind.DEAL)] == ["Alpha", "Beta"]
    assert [(row.line, row.reason) for row in adapter.rejections()] == [
        (2, "only one cell is filled: a heading, not a record")
    ]
