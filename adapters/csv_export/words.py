"""The words by which exports name their files, columns, stages, months and answers, in the usual languages.

Vocabulary only: no decision is taken here. Lists of column names are in order of strength, the best name first;
they are written as `words` writes a header (lower case, no accents, single spaces).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from adapters.records import ActivityKind, Kind

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BREAKS = re.compile(r"[\W_]+")


@lru_cache(maxsize=65_536)
def plain(text: str) -> str:
    """Lower case without accents or space around: what two spellings of one word have in common."""
    decomposed = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


@lru_cache(maxsize=65_536)
def words(header: str) -> str:
    """A column's or file's name as words: "StageName", "stage_name" and "Stage - Name" are all "stage name"."""
    return _BREAKS.sub(" ", plain(_CAMEL.sub(" ", header.replace("IDs", "Ids")))).strip()


@lru_cache(maxsize=65_536)
def key(text: str) -> str:
    """What references are matched by: casefolded letters and digits only ("GTX Pro" and "GTXPro" are one)."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isalnum()) or folded.strip()


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def as_words(text: str) -> frozenset[str]:
    """A set of words written as one text, with commas between."""
    return frozenset(_split(text))


MISSING = ("", "-", "--", "n/a", "#n/a", "n.a.", "null", "none", "nan", "(none)", "--none--", "(blank)", "select")
"""Cells that mean "nobody said", compared without case."""

TRUE_WORDS = frozenset(
    _split("1, 1.0, yes, y, true, t, x, ja, j, wahr, oui, o, vrai, si, s, verdadero, sim, verdadeiro")
)
FALSE_WORDS = frozenset(_split("0, 0.0, no, n, false, f, nein, falsch, non, faux, falso, nao"))

MONTHS: dict[str, int] = {
    name: number
    for number, names in enumerate(
        (
            "january, jan, januar, janner, janvier, janv, enero, ene, janeiro, gennaio, gen, januari",
            "february, feb, februar, fevrier, fevr, fev, febrero, fevereiro, febbraio, februari",
            "march, mar, marz, maerz, mrz, mars, marzo, marco, maart, mrt",
            "april, apr, avril, avr, abril, abr, aprile",
            "may, mai, mayo, maio, maggio, mag, mei",
            "june, jun, juni, juin, junio, junho, giugno, giu",
            "july, jul, juli, juillet, juil, julio, julho, luglio, lug",
            "august, aug, aout, agosto, ago, augustus",
            "september, sep, sept, septembre, septiembre, setiembre, setembro, set, settembre",
            "october, oct, oktober, okt, octobre, octubre, outubro, out, ottobre, ott",
            "november, nov, novembre, noviembre, novembro",
            "december, dec, dezember, dez, decembre, diciembre, dic, dezembro, dicembre",
        ),
        start=1,
    )
    for name in _split(names)
}

WON_WORDS = _split(
    "closed won, won, gewonnen, gagne, gagnee, ganado, ganada, ganho, ganha, cerrada ganada, cerrado ganado, "
    "closedwon,"
    "fechado ganho, fechada ganha, abgeschlossen gewonnen, geschlossen gewonnen, ferme gagne, conclu, signed, "
    "win, sold,"
    "verkauft, vendu, vendido, auftrag erteilt, cierre ganado, deal won, successful, success, erfolgreich, "
    "contract signed"
)
LOST_WORDS = _split(
    "closed lost, lost, verloren, perdu, perdue, perdido, perdida, cerrada perdida, cerrado perdido, closedlost, "
    "fechado perdido, fechada perdida, abgeschlossen verloren, geschlossen verloren, ferme perdu, abandoned, abgesagt, "
    "cancelled, canceled, rejected, abgelehnt, refuse, rechazado, disqualified, dead, cierre perdido, deal lost, "
    "closed lost to competition, unqualified, perdido para concorrencia, loss, unsuccessful, storniert"
)
OPEN_WORDS = _split(
    "open, offen, ouvert, ouverte, en cours, abierto, abierta, aberto, aberta, in progress, in bearbeitung, active, "
    "pending, em andamento, en proceso, on hold"
)
STAGE_ORDER = (
    "new, neu, nouveau, nuevo, novo, lead, lead in, inbound, created, prospect, prospecting, prospeccion, "
    "prospecao, akquise,"
    "erstkontakt, contact, contacted, contact made, engaging, engaged, appointment scheduled, qualification, "
    "qualified,"
    "qualify, qualifying, qualified to buy, qualifizierung, qualifiziert, discovery, needs analysis, bedarfsanalyse, "
    "needs defined, analyse, demo, demo scheduled, meeting, presentation, presentation scheduled, value proposition, "
    "id decision makers, identify decision makers, decision maker bought in, perception analysis, evaluation, "
    "trial, poc,"
    "proposal, proposal price quote, proposal sent, proposal made, quote, angebot, angebot versendet, offre, "
    "propuesta,"
    "proposta, negotiation, negotiations started, negotiation review, verhandlung, negociation, negociacion, "
    "negociacao,"
    "verbal, commit, contract sent, contract, vertrag, contrat, contrato, decision, closing, abschluss"
)
STAGE_RANK = {name: rank for rank, name in enumerate(_split(STAGE_ORDER))}

ACTIVITY_WORDS: dict[ActivityKind, tuple[str, ...]] = {
    ActivityKind.EMAIL: _split(
        "email, e mail, mail, correo, courriel, emails, email sent, incoming email, e mail gesendet"
    ),
    ActivityKind.CALL: _split(
        "call, phone call, phone, calls, anruf, telefonat, telefon, appel, llamada, chamada, ligacao, telefonema, "
        "outbound call"
    ),
    ActivityKind.MEETING: _split(
        "meeting, meetings, event, besprechung, treffen, reunion, reuniao, demo, lunch, visit, besuch, video "
        "call, conference"
    ),
    ActivityKind.APPOINTMENT: _split("appointment, termin, rendez vous, rdv, cita, compromisso, kundentermin"),
    ActivityKind.TASK: _split("task, tasks, to do, todo, aufgabe, tache, tarea, tarefa, deadline, follow up, other"),
    ActivityKind.NOTE: _split("note, notes, notiz, nota, comment, kommentar, commentaire, sms, letter, brief"),
}

DIRECTION_WORDS = {
    "in": _split("in, inbound, incoming, received, eingehend, entrant, entrante, recebida, incoming email"),
    "out": _split("out, outbound, outgoing, sent, ausgehend, sortant, saliente, enviada, forwarded email"),
}

KIND_WORDS: dict[Kind, tuple[str, ...]] = {
    Kind.DEAL: _split(
        "deal, deals, opportunity, opportunities, opps, opp, pipeline, closed deals, sales pipeline, verkaufschancen, "
        "verkaufschance, chancen, auftrage, auftraege, abschlusse, abschluesse, abschluss, opportunites, "
        "affaires, ventes,"
        "oportunidades, negocios, negociacoes, vendas, geschafte, geschaefte, potentials, potential, won deals, orders"
    ),
    Kind.LEAD: _split(
        "lead, leads, mql, mqls, prospects, prospect, anfragen, anfrage, interessenten, interessent, qualified leads, "
        "inquiries, enquiries, pistes, prospectos, demandes, solicitudes, contatos qualificados"
    ),
    Kind.COMPANY: _split(
        "account, accounts, company, companies, organization, organizations, organisations, organisation, "
        "customers, firmen,"
        "unternehmen, kunden, entreprises, societes, empresas, cuentas, contas, clients, clientes"
    ),
    Kind.CONTACT: _split(
        "contact, contacts, people, persons, person, kontakte, personen, ansprechpartner, contactos, contatos"
    ),
    Kind.OWNER: _split(
        "owner, owners, team, teams, sales team, sales teams, users, user, reps, sales reps, salespeople, agents, "
        "sellers,"
        "vertrieb, vertriebler, mitarbeiter, verkaufer, benutzer, vendeurs, commerciaux, vendedores, usuarios, "
        "staff, employees"
    ),
    Kind.PRODUCT: _split(
        "product, products, produkte, artikel, produits, productos, produtos, items, price list, catalog"
    ),
    Kind.ACTIVITY: _split(
        "activity, activities, tasks, task, events, event, calls, meetings, emails, engagements, aktivitaten, "
        "aktivitaeten,"
        "activites, actividades, atividades, interactions, touchpoints, termine, history"
    ),
}

_ID = "record id, id, key, uuid, guid, external id, object id, hs object id"
_CREATED = (
    "create date, created date, created at, created on, created time, creation date, date created, created, add "
    "time, added on,"
    "erstellt am, erstelldatum, angelegt am, anlagedatum, erstellungsdatum, date de creation, cree le, fecha de "
    "creacion,"
    "creado el, data de criacao, criado em"
)
_MODIFIED = (
    "last modified date, last modified, modified time, modified date, modified at, updated at, update time, "
    "updated on, updated,"
    "last updated, system modstamp, geandert am, zuletzt geandert, date de modification, fecha de modificacion"
)
_OWNER_ID = "owner id, user id, rep id, sr id, sales rep id, agent id, salesperson id, assigned to id, employee id"
_OWNER_NAME = (
    "owner, owner name, sales agent, sales rep, sales representative, salesperson, sales person, account "
    "executive, rep,"
    "assigned to, assignee, agent, responsible, account manager, verantwortlicher, zustandig, bearbeiter, vertriebler, "
    "vertriebsmitarbeiter, verkaufer, verkaeufer, betreuer, inhaber, besitzer, proprietaire, responsable, "
    "commercial, vendeur,"
    "propietario, vendedor, comercial, proprietario, responsavel, user, seller, contact owner, owner full name"
)
_OWNER_EMAIL = "owner email, owner e mail, rep email, user email, sales rep email"
_COMPANY_ID = (
    "company id, account id, organization id, organisation id, customer id, client id, associated company ids, "
    "firmen id,"
    "primary associated company id, account name id, organization name id, associated company id, kundennummer, "
    "kunden id, org id"
)
_COMPANY_NAME = (
    "account name, company name, organization name, organisation name, account, company, associated company, "
    "organization,"
    "organisation, customer, customer name, client, client name, firma, unternehmen, kunde, firmenname, "
    "entreprise, societe,"
    "client nom, empresa, cliente, cuenta, conta, compania, primary associated company"
)
_CONTACT_ID = "contact id, associated contact ids, associated contact id, primary contact id, person id"
_CONTACT_NAME = (
    "contact person, contact name, primary contact, associated contact, associated contacts, person name, "
    "contact, person,"
    "ansprechpartner, kontakt, interlocuteur, contacto, contato"
)
_PERSON = {
    "first_name": "first name, firstname, given name, vorname, prenom, nombre, primer nombre, primeiro nome",
    "last_name": "last name, lastname, surname, family name, nachname, nom de famille, apellido, apellidos, sobrenome",
    "email": "email, email address, e mail, e mail address, mail, e mail adresse, courriel, adresse email, correo, "
    "correo electronico, person email, email work",
    "phone": "phone, phone number, telephone, mobile, mobile phone, mobile phone number, telefon, "
    "telefonnummer, telefono,"
    "telefone, portable, handy, person phone, phone work",
}
_SOURCE = (
    "lead source, original source, original source type, deal source, opportunity source, source, original "
    "traffic source, utm source, source channel,"
    "origin, quelle, leadquelle, herkunft, kanal, channel, marketing channel, canal, origine, origen, origem, "
    "fuente, fonte,"
    "lead origin, acquisition channel, provenance"
)
_CAMPAIGN = (
    "campaign, campaign name, utm campaign, primary campaign source, kampagne, campagne, campana, campanha, campaign id"
)
_CURRENCY = (
    "currency, currency of value, currency iso code, currency code, deal currency code, wahrung, waehrung, devise, "
    "moneda, moeda"
)
_LEAD_ID = (
    "mql id, lead id, lead key, lead number, prospect id, originating lead id, lead, lead ref, lead no, anfrage id"
)

_COLUMNS: dict[Kind, dict[str, str]] = {
    Kind.DEAL: {
        "id": f"opportunity id, deal id, opp id, opportunity number, deal number, deal key, order id, {_ID}, "
        "vorgangsnummer,"
        "oportunidad id, negocio id, nummer, number, order number, auftragsnummer",
        "name": "deal name, opportunity name, deal title, title, name, potential name, subject, deal, "
        "opportunity, bezeichnung,"
        "titel, betreff, verkaufschance, nom, titre, nom de l opportunite, nombre, titulo, nome, nombre de la "
        "oportunidad",
        "stage": "deal stage, stage name, stage, sales stage, pipeline stage, opportunity stage, phase, "
        "vertriebsphase,"
        "verkaufsphase, stufe, etape, etapa, fase, step, phase name",
        "status": "status, deal status, state, opportunity status, result, ergebnis, outcome, statut, estado, "
        "situacao, resultado",
        "pipeline": "pipeline, deal pipeline, pipeline name, sales pipeline, sales process, funnel",
        "amount": "amount, deal amount, deal value, value, close value, total amount, opportunity amount, "
        "betrag, wert,"
        "auftragswert, auftragssumme, summe, umsatz, montant, valeur, importe, monto, valor, valor do negocio, "
        "deal size,"
        "total value, contract value, closed amount, volumen, tcv, acv, price, total price, sales amount, revenue",
        "currency": _CURRENCY,
        "owner_id": _OWNER_ID,
        "owner_name": _OWNER_NAME,
        "owner_email": _OWNER_EMAIL,
        "company_id": _COMPANY_ID,
        "company_name": _COMPANY_NAME,
        "product_id": "product id, product code, sku, artikelnummer",
        "product_name": "product, product name, produkt, artikel, produit, producto, produto, item, line item",
        "contact_id": _CONTACT_ID,
        "contact_name": _CONTACT_NAME,
        "source": _SOURCE,
        "campaign": _CAMPAIGN,
        "created_at": f"{_CREATED}, deal created, engage date, open date, opened, opened at, opened on, "
        "opportunity date,"
        "start date, date opened, first contact date, angefragt am, eroffnet am, fecha inicio, data inicio, date "
        "ouverture",
        "closed_at": "close date, closed date, deal closed on, closed at, closed on, closed time, closing date, "
        "actual close date, date closed, abschlussdatum, abschluss am, abgeschlossen am, schlussdatum, date de "
        "cloture,"
        "cloture le, fecha de cierre, cierre, data de fechamento, fechado em, closed, close time, end date",
        "expected_close_on": "expected close date, estimated close date, expected closing date, expected "
        "close, forecast date,"
        "forecast close date, voraussichtlicher abschluss, erwarteter abschluss, geplanter abschluss, "
        "date de cloture prevue, fecha prevista de cierre, fecha estimada de cierre, data prevista de fechamento",
        "won_at": "won time, won date, won at, won on, date won, gewonnen am, gewonnen, gagne le, date gagne, "
        "fecha ganado,"
        "ganado el, ganho em, data ganho, win date, sold date, sale date",
        "lost_at": "lost time, lost date, lost at, lost on, date lost, verloren am, perdu le, date perdu, "
        "fecha perdido,"
        "perdido el, perdido em, data perda, loss date",
        "modified_at": _MODIFIED,
        "is_won": "is won, is closed won, won, gewonnen, gagne, ganado, ganho",
        "is_closed": "is closed, closed, is deal closed, geschlossen",
        "lead_id": _LEAD_ID,
    },
    Kind.LEAD: {
        "id": f"lead id, prospect id, mql id, lead key, {_ID}, lead number, lead no, anfrage id, lead ref, "
        "contact id, nummer",
        "name": "lead name, full name, name, contact name, prospect name, lead, nom, nombre completo, nome, "
        "lead title, title",
        **_PERSON,
        "company_name": _COMPANY_NAME,
        "owner_id": _OWNER_ID,
        "owner_name": f"lead owner, {_OWNER_NAME}",
        "owner_email": _OWNER_EMAIL,
        "source": _SOURCE,
        "campaign": _CAMPAIGN,
        "status": "lead status, status, lead stage, lifecycle stage, stage, statut, estado, situacao, leadstatus",
        "created_at": f"{_CREATED}, lead created, first contact date, first contact, inquiry date, enquiry "
        "date, anfrage am,"
        "anfragedatum, eingegangen am, eingang, date, datum, date de contact, date du premier contact, fecha, "
        "fecha de contacto, data, data de contato, submitted at, received at, lead date, signup date, mql date",
        "modified_at": _MODIFIED,
        "converted": "converted, is converted, konvertiert, converti, convertido, conversion, became customer, "
        "is customer",
        "converted_at": "converted date, conversion date, date converted, converted at, converted on, konvertiert am, "
        "date de conversion, fecha de conversion, data de conversao",
        "deal_id": "converted opportunity id, deal id, opportunity id, associated deal id, associated deal "
        "ids, converted deal id",
    },
    Kind.COMPANY: {
        "id": f"company id, account id, organization id, organisation id, customer id, account number, {_ID}, "
        "kundennummer",
        "name": f"{_COMPANY_NAME}, name, nom, nombre, nome",
        "domain": "company domain name, domain, website, web site, url, web, webseite, site web, sitio web, site",
        "industry": "industry, sector, branche, vertical, secteur, industrie, sector industrial, setor, "
        "business segment",
        "country": "country, country region, billing country, office location, hq country, land, pays, pais, "
        "headquarters,"
        "location, address country",
        "employees": "employees, number of employees, employee count, headcount, mitarbeiter, anzahl "
        "mitarbeiter, effectif,"
        "empleados, numero de empleados, funcionarios",
        "revenue": "annual revenue, revenue, turnover, jahresumsatz, umsatz, chiffre d affaires, ingresos, "
        "facturacion, receita",
        "currency": _CURRENCY,
        "owner_id": _OWNER_ID,
        "owner_name": f"company owner, account owner, {_OWNER_NAME}",
        "owner_email": _OWNER_EMAIL,
        "created_at": _CREATED,
    },
    Kind.CONTACT: {
        "id": f"contact id, person id, {_ID}, kontakt id",
        "name": "full name, contact name, name, person name, contact, person, nom complet, nombre completo, "
        "nome completo",
        **_PERSON,
        "company_id": _COMPANY_ID,
        "company_name": _COMPANY_NAME,
        "owner_id": _OWNER_ID,
        "owner_name": f"contact owner, {_OWNER_NAME}",
        "owner_email": _OWNER_EMAIL,
        "created_at": _CREATED,
    },
    Kind.OWNER: {
        "id": f"owner id, user id, rep id, sr id, sales rep id, agent id, employee id, seller id, {_ID}, "
        "personalnummer",
        "name": f"full name, name, user name, employee name, {_OWNER_NAME}, mitarbeiter, nom, nombre, nome",
        "first_name": _PERSON["first_name"],
        "last_name": _PERSON["last_name"],
        "email": f"{_PERSON['email']}, user email, owner email",
        "team_name": "team, team name, sales team, group, department, abteilung, gruppe, equipe, equipo, main "
        "team, teams",
        "manager_name": "manager, manager name, team lead, team leader, supervisor, reports to, sales manager, "
        "vorgesetzter,"
        "teamleiter, teamleitung, responsable equipe, gerente, jefe, lider",
        "region": "region, regional office, office, territory, gebiet, standort, bureau, oficina, regiao, "
        "area, location",
        "active": "active, is active, aktiv, actif, activo, ativo, enabled, status",
        "since": "hire date, hired on, start date, joined, since, eintrittsdatum, seit, date d embauche, fecha de alta",
    },
    Kind.PRODUCT: {
        "id": f"product id, product code, sku, {_ID}, artikelnummer, code",
        "name": "product name, product, name, produkt, produktname, artikel, produit, producto, produto, "
        "bezeichnung, nom",
        "family": "family, product family, series, category, product category, line, product line, "
        "produktgruppe, serie,"
        "categorie, categoria, famille, familia",
        "price": "sales price, list price, unit price, price, standard price, preis, listenpreis, prix, precio, preco",
        "currency": _CURRENCY,
    },
    Kind.ACTIVITY: {
        "id": f"activity id, task id, event id, engagement id, call id, {_ID}",
        "kind": "activity type, type, engagement type, task type, event type, kind, typ, art, aktivitat, "
        "aktivitatstyp,"
        "type d activite, tipo, tipo de actividad, tipo de atividade, task subtype, channel, kanal",
        "subject": "subject, title, name, betreff, objet, asunto, assunto, activity, description",
        "owner_id": _OWNER_ID,
        "owner_name": f"activity assigned to, assigned to user, {_OWNER_NAME}, done by, created by",
        "owner_email": _OWNER_EMAIL,
        "occurred_at": "activity date, date, occurred at, done time, marked as done time, completed at, "
        "completion date,"
        "completed date, start time, start date, start, due date, date time, timestamp, time, call date, meeting date, "
        f"datum, am, fecha, data, date et heure, {_CREATED}",
        "direction": "direction, call direction, email direction, call type, richtung, sens, direccion, direcao",
        "outcome": "outcome, call outcome, meeting outcome, call disposition, disposition, result, call "
        "result, status, done,"
        "ergebnis, resultat, resultado, statut, estado",
        "duration": "duration, call duration, duration minutes, duration in minutes, call duration in seconds, "
        "duration s,"
        "duration seconds, duration min, dauer, duree, duracion, duracao, length, minutes",
        "deal_id": "deal id, opportunity id, associated deal id, associated deal ids, what id, related to id, opp id",
        "deal_name": "deal, deal title, deal name, opportunity, opportunity name, associated deal, related to, "
        "verkaufschance",
        "contact_id": "contact id, person id, who id, associated contact id, associated contact ids",
        "contact_name": "contact, contact person, contact name, person, associated contact, kontakt, ansprechpartner",
        "company_id": _COMPANY_ID,
        "company_name": _COMPANY_NAME,
        "lead_id": f"{_LEAD_ID}, associated lead id",
    },
}  # fmt: skip
COLUMNS: dict[Kind, dict[str, tuple[str, ...]]] = {
    kind: {field: _split(names) for field, names in fields.items()} for kind, fields in _COLUMNS.items()
}
"""Per kind of file: our field and the names that its column goes by."""

NOT_AN_AMOUNT = frozenset(
    _split(
        "declared, monthly, annual, revenue, size, quantity, qty, count, number, score, probability, percent, "
        "pct, age, days,"
        "duration, year, catalog, employees, cost, discount, budget, expected, weighted, margin, commission, "
        "umsatz, anzahl,"
        "menge, jahr, angegeben, chance, rate, visits, minutes, seconds, id, no, nr, nummer, zip, plz, phone"
    )
)
"""Words in a column's name that forbid taking it for a deal's amount by its looks alone."""

PLURALS = {kind: f"{kind}s" for kind in Kind} | {Kind.COMPANY: "companies", Kind.ACTIVITY: "activities"}
ANY_ID = frozenset(_split(_ID))
"""Names of an id that do not say of what."""

VAGUE = as_words(
    "name, date, data, title, value, type, am, number, status, time, key, code, item, order, price, lead, deal, "
    "contact,"
    "person, user, customer, client, source, channel, product, account, company, email, mail, phone, id, state, "
    "sales, art,"
    "sens, step, start, end, result, web, site, revenue, umsatz, total, land, group, office, location, line, "
    "activity, note,"
    "done"
)
"""Words too common to find a field by when other words stand beside them."""

CANCELLED = as_words(
    "cancelled, canceled, abgesagt, storniert, annule, annulee, cancelado, cancelada, anulado, anulada, deleted, "
    "declined"
)
NO_SHOW = as_words("no show, noshow, nicht erschienen, absent, no asistio, nao compareceu")
DONE = as_words(
    "completed, done, true, yes, 1, erledigt, abgeschlossen, termine, terminee, completado, completada, concluido, held"
)
ACTIVE = as_words("active, aktiv, actif, activo, ativo, enabled")
INACTIVE = as_words("inactive, inaktiv, inactif, inactivo, inativo, disabled, deactivated")

DICTIONARY_COLUMNS = frozenset(
    _split("field, description, column, definition, variable, variables, meaning, feld, beschreibung, table")
)
