# ruff: noqa: E501  (rows of tables stand as they are)
"""Exports in other languages: columns, stages, answers, amounts as they are written there."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_exports import export, opened, shown, taken

from adapters.records import Deal, Kind, Lead

FRENCH = """\
Identifiant;Nom de l'affaire;Étape;Montant HT;Date de création;Date de clôture prévue;Date de signature;Commercial;Client;Origine
F-1;Réfection;Devis envoyé;12 500,00 €;04/03/2024;30/06/2024;;Chloé Lefèvre;Mairie d'Évry;Salon
F-2;Entretien;Gagnée;1 000,50 €;05/02/2024;01/04/2024;02/04/2024;Noël Dupont;Île SARL;Bouche à oreille
F-3;Câblage;Perdue;;06/02/2024;15/04/2024;;Noël Dupont;Île SARL;
"""
SPANISH = """\
Nº;Oportunidad;Fase;Valor;Fecha de alta;Fecha de cierre;Comercial;Empresa;Origen
1;Nave 3;Propuesta enviada;12.500,00;04/03/2024;30/06/2024;Íñigo Núñez;Año Nuevo SL;Feria
2;Mantenimiento;Ganada;1.000,50;05/02/2024;02/04/2024;Begoña Ibáñez;Peña SA;Web
3;Cableado;Perdida;0;06/02/2024;15/04/2024;Begoña Ibáñez;Peña SA;
"""
DUTCH = """\
Kansnummer;Onderwerp;Verkoopfase;Bedrag;Aangemaakt op;Sluitingsdatum;Eigenaar;Bedrijf;Bron
K1;Hal 4;Offerte verstuurd;€ 12.500,00;04-03-2024;30-06-2024;Joost de Wit;Bakker BV;Beurs
K2;Onderhoud;Gewonnen;€ 1.000,50;05-02-2024;02-04-2024;Sanne Smit;Visser NV;Website
K3;Bekabeling;Verloren;€ 0,00;06-02-2024;15-04-2024;Sanne Smit;Visser NV;
"""
PORTUGUESE = """\
Código;Nome da negociação;Etapa;Situação;Valor total;Data de criação;Data de fechamento;Responsável;Empresa;Fonte;Motivo de perda
7;Galpão;Proposta enviada;Em andamento;R$ 12.500,00;04/03/2024 10:00;;João Simões;Ação Ltda;Indicação;
8;Manutenção;Negociação;Vendida;R$ 1.000,50;05/02/2024 10:00;02/04/2024 09:30;Inês Antão;Pão SA;Site;
9;Cabos;Contato feito;Perdida;R$ 0,00;06/02/2024 10:00;15/04/2024 18:00;Inês Antão;Pão SA;;Preço
"""
ITALIAN = """\
ID opportunità;Nome opportunità;Fase;Importo;Data creazione;Data chiusura;Proprietario;Azienda;Provenienza
1;Capannone;Preventivo inviato;12.500,00;04/03/2024;30/06/2024;Niccolò Rossi;Più Srl;Fiera
2;Manutenzione;Chiusa vinta;1.000,50;05/02/2024;02/04/2024;Giulia Bianchi;Già SpA;Sito
3;Cavi;Chiusa persa;;06/02/2024;15/04/2024;Giulia Bianchi;Già SpA;
"""
LANGUAGES = {
    "french": (FRENCH, "cp1252", ("F-1", "F-2", "F-3"), "EUR", ("Chloé Lefèvre", "Noël Dupont"), "2024-06-30", None),
    "spanish": (SPANISH, "latin-1", ("1", "2", "3"), None, ("Íñigo Núñez", "Begoña Ibáñez"), "2024-06-30", 0),
    "dutch": (DUTCH, "utf-8", ("K1", "K2", "K3"), "EUR", ("Joost de Wit", "Sanne Smit"), "2024-06-30", 0),
    "portuguese": (PORTUGUESE, "utf-16", ("7", "8", "9"), "BRL", ("João Simões", "Inês Antão"), "", 0),
    "italian": (ITALIAN, "cp1252", ("1", "2", "3"), None, ("Niccolò Rossi", "Giulia Bianchi"), "2024-06-30", None),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_deals_in_another_language_are_read(language: str, tmp_path: Path) -> None:
    text, encoding, ids, currency, (first, second), expected, lost_amount = LANGUAGES[language]
    name = {"french": "affaires", "spanish": "oportunidades", "dutch": "kansen", "portuguese": "negociacoes",
            "italian": "trattative"}[language]  # fmt: skip
    lost_on = "" if language == "french" else "2024-04-15"  # its file has no more than an expected date of it
    deals: list[Deal] = taken(opened(tmp_path, {f"{name}.csv": text}, encoding=encoding), Kind.DEAL)
    assert shown(deals) == [
        (ids[0], "open", 1_250_000, currency, first, "2024-03-04", expected),
        (ids[1], "won", 100_050, currency, second, "2024-02-05", "2024-04-02"),
        (ids[2], "lost", lost_amount, None if lost_amount is None else currency, second, "2024-02-06", lost_on),
    ]
    assert all(deal.company_id for deal in deals)
    assert deals[0].source


def test_a_leads_file_with_german_answers_is_read(tmp_path: Path) -> None:
    text = (
        "Anfrage-Nr.;Vorname;Nachname;E-Mail;Telefon;Firma;Herkunft;Eingegangen am;Konvertiert;Bearbeiter\n"
        "L1;Jürgen;Weiß;j.weiss@a.example;030 123456;A AG;Messe;01.02.2024 08:30;ja;Ute\n"
        "L2;Käthe;Groß;k.gross@b.example;;B AG;Website;13.02.2024 09:00;nein;Ute\n"
    )
    leads: list[Lead] = taken(export(tmp_path, encoding="cp1252", interessenten=text), Kind.LEAD)
    assert [(one.external_id, one.name, one.source, one.converted, one.owner_id) for one in leads] == [
        ("L1", "Jürgen Weiß", "Messe", True, "Ute"), ("L2", "Käthe Groß", "Website", False, "Ute")
    ]  # fmt: skip
    assert [str(one.created_at)[:16] for one in leads] == ["2024-02-01 08:30", "2024-02-13 09:00"]


SAME_CRM_IN = {
    "spanish": "ID de registro,Nombre del negocio,Etapa del negocio,Importe,Propietario del negocio,Fecha de cierre,Fecha de creación,Empresa asociada",
    "french": "ID de fiche d'informations,Nom de la transaction,Phase de la transaction,Montant,Propriétaire de la transaction,Date de fermeture,Date de création,Entreprise associée",
    "dutch": "Record-ID,Dealnaam,Dealfase,Bedrag,Dealeigenaar,Sluitingsdatum,Aanmaakdatum,Gekoppeld bedrijf",
    "portuguese": "ID do registro,Nome do negócio,Etapa do negócio,Valor,Proprietário do negócio,Data de fechamento,Data de criação,Empresa associada",
    "german": "Opportunity-ID,Opportunity-Name,Phase,Betrag,Opportunity-Inhaber,Schlusstermin,Erstelldatum,Accountname",
}
ENDS_IN = {
    "spanish": ("Cierre ganado", "Cierre perdido"),
    "french": ("Fermée gagnée", "Fermée perdue"),
    "dutch": ("Gesloten - gewonnen", "Gesloten - verloren"),
    "portuguese": ("Negócio fechado", "Negócio perdido"),
    "german": ("Geschlossen/Gewonnen", "Geschlossen und verloren"),
}


@pytest.mark.parametrize("language", SAME_CRM_IN)
def test_a_crm_set_to_another_language_exports_the_same_deals(language: str, tmp_path: Path) -> None:
    won, lost = ENDS_IN[language]
    rows = (
        "1,Alpha,Demo,1000,Léa,2024-06-30 10:00,2024-01-05 10:00,A\n"
        f"2,Beta,{won},2000,Léa,2024-03-30 10:00,2024-01-06 10:00,A\n"
        f"3,Gamma,{lost},2000,Luc,2024-03-31 10:00,2024-01-07 10:00,B\n"
    )
    deals: list[Deal] = taken(opened(tmp_path, {"export.csv": f"{SAME_CRM_IN[language]}\n{rows}"}), Kind.DEAL)
    assert shown(deals) == [
        ("1", "open", 100_000, None, "Léa", "2024-01-05", "2024-06-30"),
        ("2", "won", 200_000, None, "Léa", "2024-01-06", "2024-03-30"),
        ("3", "lost", 200_000, None, "Luc", "2024-01-07", "2024-03-31"),
    ]
    assert [(deal.name, deal.company_id) for deal in deals] == [("Alpha", "A"), ("Beta", "A"), ("Gamma", "B")]


LOST = (
    "Lost - not interested",
    "Closed Lost - No budget",
    "Perdue (prix)",
    "4. Verloren an Wettbewerb",
    "Not won",
    "Chiusa persa",
)
WON = ("Closed Won!", "5 - Gewonnen", "Gagnée", "Fechado e ganho", "Deal won", "Vendida")
OPEN = ("Open - won back", "Negotiation", "Angebot", "Not lost yet", "Qualified", "Closing")


@pytest.mark.parametrize(
    ("stage", "status"),
    [*((one, "lost") for one in LOST), *((one, "won") for one in WON), *((one, "open") for one in OPEN)],
)
def test_stages_tell_won_and_lost_by_their_words(stage: str, status: str, tmp_path: Path) -> None:
    text = f"Deal ID,Deal stage,Created\n1,{stage},2024-01-01\n2,Prospecting,2024-01-02\n"
    assert str(taken(export(tmp_path, deals=text), Kind.DEAL)[0].status) == status
