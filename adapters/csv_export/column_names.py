"""The names by which exports call the columns of each kind of file, in the usual languages.

Vocabulary only: no decision is taken here. Names are in order of strength, the best one first, and written as
`spelling.words` writes a header (lower case, no accents, single spaces).
"""

from __future__ import annotations

from adapters.csv_export.shared_columns import (
    CAMPAIGN,
    COMPANY_ID,
    COMPANY_NAME,
    CONTACT_ID,
    CONTACT_NAME,
    CREATED,
    CURRENCY,
    DELETED,
    ID,
    LEAD_ID,
    MODIFIED,
    OWNER_EMAIL,
    OWNER_ID,
    OWNER_NAME,
    PERSON,
    SOURCE,
)
from adapters.csv_export.spelling import as_words, names_in
from adapters.records import Kind

_NAMES: dict[Kind, dict[str, str]] = {
    Kind.DEAL: {
        "id": f"""
            opportunity id, deal id, opp id, opportunity number, deal number, deal key, order id, {ID},
            vorgangsnummer, oportunidad id, negocio id, nummer, number, order number, auftragsnummer, opp no, opp nr,
            opportunity no, deal no, deal nr, quote no, quote number, quote id, angebotsnummer, kansnummer, kans id,
            id opportunita, id trattativa, id affaire, numero d affaire, potential id, deal reference
        """,
        "name": """
            deal name, opportunity name, deal title, title, name, potential name, subject, deal, opportunity,
            bezeichnung, titel, betreff, verkaufschance, nom, titre, nom de l opportunite, nombre, titulo, nome,
            nombre de la oportunidad, dealname, projekt, project, project name, projektname, affaire, nom de l
            affaire, nom de la transaction, oportunidad, nombre de oportunidad, nome da negociacao, nome do negocio,
            negociacao, negocio, nome opportunita, opportunita, nome trattativa, trattativa, kans, kansnaam,
            onderwerp, naam, description, beschreibung, what, topic, affar, affarsnamn, nazwa, nombre del negocio,
            dealnaam, nom de l opportunite commerciale
        """,
        "stage": """
            deal stage, stage name, stage, sales stage, pipeline stage, opportunity stage, phase, vertriebsphase,
            verkaufsphase, stufe, etape, etapa, fase, step, phase name, dealphase, deal phase, verkoopfase, salesfase,
            stadium, stap, etape de vente, phase de vente, etapa de venta, etapa do funil, fase di vendita, stadio,
            funnel stage, pipelinephase, status label, fas, fase navn, etap, steg, salgsfase
        """,
        "status": """
            status, deal status, state, opportunity status, result, ergebnis, outcome, statut, estado, situacao,
            resultado, stato, toestand, won lost, win loss, status type, closed status, estatus, resultaat, esito,
            deal result
        """,
        "pipeline": """
            pipeline, deal pipeline, pipeline name, sales pipeline, sales process, funnel, trichter,
            vertriebspipeline, embudo, funil, verkooppijplijn
        """,
        "amount": """
            amount, deal amount, deal value, value, close value, total amount, opportunity amount, betrag, wert,
            auftragswert, auftragssumme, summe, umsatz, montant, valeur, importe, monto, valor, valor do negocio, deal
            size, total value, contract value, closed amount, volumen, tcv, acv, price, total price, sales amount,
            revenue, montant ht, montant total, valor total, valor unico, importo, valore, valore trattativa, importe
            total, bedrag, waarde, dealwaarde, value formatted, quote value, quote amount, angebotssumme, deal worth,
            nettobetrag, net amount, order value, bestelwaarde, ordervalue, prix, preco, precio, est revenue,
            estimated revenue, actual revenue, betrag netto, umsatz netto, varde, vaerdi, verdi, belopp, belob, belop,
            kwota, wartosc
        """,
        "currency": CURRENCY,
        "owner_id": OWNER_ID,
        "owner_name": OWNER_NAME,
        "owner_email": OWNER_EMAIL,
        "company_id": COMPANY_ID,
        "company_name": COMPANY_NAME,
        "product_id": "product id, product code, sku, artikelnummer",
        "product_name": """
            product, product name, produkt, artikel, produit, producto, produto, item, line item, prodotto, services
        """,
        "contact_id": CONTACT_ID,
        "contact_name": CONTACT_NAME,
        "source": SOURCE,
        "campaign": CAMPAIGN,
        "created_at": f"""
            {CREATED}, deal created, engage date, open date, opened, opened at, opened on, opportunity date, start
            date, date opened, first contact date, angefragt am, eroffnet am, fecha inicio, data inicio, date
            ouverture, date opportunity created, angebotsdatum, quote date, aanvraagdatum, offerte datum, datum
            angelegt, opened date, start, angefragt, beginn, startdatum, date entered, date de debut
        """,
        "closed_at": """
            close date, closed date, deal closed on, closed at, closed on, closed time, closing date, actual close
            date, date closed, abschlussdatum, abschluss am, abgeschlossen am, schlussdatum, date de cloture, cloture
            le, fecha de cierre, cierre, data de fechamento, fechado em, closed, close time, end date, decision date,
            fecha cierre, cerrado el, data fechamento, data chiusura, data di chiusura, chiuso il, sluitingsdatum,
            gesloten op, afgesloten op, date de fermeture, closure date, entscheidungsdatum, geschlossen am,
            abschluss, avslutsdatum, stangd, lukket, lukkedato, avsluttet, data zamkniecia, schluss, einddatum,
            schlusstermin, date de fin
        """,
        "expected_close_on": """
            expected close date, estimated close date, expected closing date, expected close, forecast date, forecast
            close date, voraussichtlicher abschluss, erwarteter abschluss, geplanter abschluss, date de cloture
            prevue, fecha prevista de cierre, fecha estimada de cierre, data prevista de fechamento, data chiusura
            prevista, data di chiusura prevista, verwachte sluitingsdatum, verwachte afsluitdatum, cloture prevue,
            date previsionnelle de cloture, cierre previsto, cierre estimado, fecha estimada, previsao de fechamento,
            data prevista, erwartetes abschlussdatum, voraussichtliches abschlussdatum, target close date, projected
            close date, est close date, estimated close, forventet lukkedato, forvantat avslutsdatum
        """,
        "won_at": """
            won time, won date, won at, won on, date won, gewonnen am, gewonnen, gagne le, date gagne, fecha ganado,
            ganado el, ganho em, data ganho, win date, sold date, sale date, date de signature, signe le, fecha de
            ganado, data de ganho, data vinta, gewonnen op, auftragsdatum, signed on, signature date, contract date
        """,
        "lost_at": """
            lost time, lost date, lost at, lost on, date lost, verloren am, perdu le, date perdu, fecha perdido,
            perdido el, perdido em, data perda, loss date, verloren op, fecha de perdido, data de perda, persa il
        """,
        "modified_at": MODIFIED,
        "is_won": """
            is won, is closed won, won, gewonnen, gagne, ganado, ganho, vinta, vinto, ganada, ganha, closed won, is
            closedwon, deal won
        """,
        "is_closed": "is closed, closed, is deal closed, geschlossen",
        "lead_id": LEAD_ID,
        "deleted": DELETED,
    },
    Kind.LEAD: {
        "id": f"""
            lead id, prospect id, mql id, lead key, {ID}, lead number, lead no, anfrage id, lead ref, contact id,
            nummer, lead nr, anfrage nr, inquiry id, enquiry id, id lead, aanvraagnummer, contact key
        """,
        "name": """
            lead name, full name, name, contact name, prospect name, lead, nom, nombre completo, nome, lead title,
            title, nome completo, nom complet, volledige naam, naam, nombre, prospect
        """,
        **PERSON,
        "company_name": COMPANY_NAME,
        "owner_id": OWNER_ID,
        "owner_name": f"lead owner, {OWNER_NAME}",
        "owner_email": OWNER_EMAIL,
        "source": SOURCE,
        "campaign": CAMPAIGN,
        "status": """
            lead status, status, lead stage, lifecycle stage, stage, statut, estado, situacao, leadstatus, lead stato,
            fase, lead state, estado del lead, status do lead
        """,
        "created_at": f"""
            {CREATED}, lead created, first contact date, first contact, inquiry date, enquiry date, anfrage am,
            anfragedatum, eingegangen am, eingang, date, datum, date de contact, date du premier contact, fecha, fecha
            de contacto, data, data de contato, submitted at, received at, lead date, signup date, mql date, date
            added, first seen, enquiry received, captured at, data richiesta, aanvraagdatum, date de la demande, fecha
            de registro, data de cadastro, erfasst am, anfrage vom, contact date, capture date
        """,
        "modified_at": MODIFIED,
        "converted": """
            converted, is converted, konvertiert, converti, convertido, conversion, became customer, is customer,
            geconverteerd, convertito, deal won, purchased, kunde geworden, is won, won
        """,
        "converted_at": """
            converted date, conversion date, date converted, converted at, converted on, konvertiert am, date de
            conversion, fecha de conversion, data de conversao
        """,
        "deal_id": """
            converted opportunity id, deal id, opportunity id, associated deal id, associated deal ids, converted deal
            id
        """,
        "deleted": DELETED,
    },
    Kind.COMPANY: {
        "id": f"""
            company id, account id, organization id, organisation id, customer id, account number, {ID}, kundennummer
        """,
        "name": f"""
            {COMPANY_NAME}, name, nom, nombre, nome, naam, name of company
        """,
        "domain": """
            company domain name, domain, website, web site, url, web, webseite, site web, sitio web, site, sito web,
            webseite url, sito
        """,
        "industry": """
            industry, sector, branche, vertical, secteur, industrie, sector industrial, setor, business segment,
            sectorindustrie, settore, branche name, bedrijfstak, ramo, rubro
        """,
        "country": """
            country, country region, billing country, office location, hq country, land, pays, pais, headquarters,
            location, address country, land regio, paese, nazione
        """,
        "employees": """
            employees, number of employees, employee count, headcount, mitarbeiter, anzahl mitarbeiter, effectif,
            empleados, numero de empleados, funcionarios, aantal medewerkers, dipendenti, numero dipendenti, nombre d
            employes, numero de funcionarios, mitarbeiterzahl
        """,
        "revenue": """
            annual revenue, revenue, turnover, jahresumsatz, umsatz, chiffre d affaires, ingresos, facturacion,
            receita, fatturato, jaaromzet, omzet
        """,
        "currency": CURRENCY,
        "owner_id": OWNER_ID,
        "owner_name": f"company owner, account owner, {OWNER_NAME}",
        "owner_email": OWNER_EMAIL,
        "created_at": CREATED,
        "deleted": DELETED,
    },
    Kind.CONTACT: {
        "id": f"contact id, person id, {ID}, kontakt id",
        "name": """
            full name, contact name, name, person name, contact, person, nom complet, nombre completo, nome completo
        """,
        **PERSON,
        "company_id": COMPANY_ID,
        "company_name": COMPANY_NAME,
        "owner_id": OWNER_ID,
        "owner_name": f"contact owner, {OWNER_NAME}",
        "owner_email": OWNER_EMAIL,
        "created_at": CREATED,
        "deleted": DELETED,
    },
    Kind.OWNER: {
        "id": f"""
            owner id, user id, rep id, sr id, sales rep id, agent id, employee id, seller id, {ID}, personalnummer
        """,
        "name": f"""
            full name, name, user name, employee name, {OWNER_NAME}, mitarbeiter, nom, nombre, nome, verkoper naam,
            agent name, naam
        """,
        "first_name": PERSON["first_name"],
        "last_name": PERSON["last_name"],
        "email": f"""
            {PERSON["email"]}, user email, owner email
        """,
        "team_name": """
            team, team name, sales team, group, department, abteilung, gruppe, equipe, equipo, main team, teams,
            squadra, groupe, grupo, gruppo, sales office, teamname, equipe de vendas, equipo de ventas
        """,
        "manager_name": """
            manager, manager name, team lead, team leader, supervisor, reports to, sales manager, vorgesetzter,
            teamleiter, teamleitung, responsable equipe, gerente, jefe, lider, teammanager, vertriebsleiter, manager
            de l equipe, gerente de ventas, responsabile, leidinggevende, gestor, coordenador
        """,
        "region": """
            region, regional office, office, territory, gebiet, standort, bureau, oficina, regiao, area, location,
            regio, regione, region de ventas, gebied, zone, secteur
        """,
        "active": "active, is active, aktiv, actif, activo, ativo, enabled, status",
        "since": """
            hire date, hired on, start date, joined, since, eintrittsdatum, seit, date d embauche, fecha de alta
        """,
        "deleted": DELETED,
    },
    Kind.PRODUCT: {
        "id": f"product id, product code, sku, {ID}, artikelnummer, code",
        "name": """
            product name, product, name, produkt, produktname, artikel, produit, producto, produto, bezeichnung, nom
        """,
        "family": """
            family, product family, series, category, product category, line, product line, produktgruppe, serie,
            categorie, categoria, famille, familia
        """,
        "price": """
            sales price, list price, unit price, price, standard price, preis, listenpreis, prix, precio, preco
        """,
        "currency": CURRENCY,
        "deleted": DELETED,
    },
    Kind.ACTIVITY: {
        "id": f"activity id, task id, event id, engagement id, call id, {ID}",
        "kind": """
            activity type, type, engagement type, task type, event type, kind, typ, art, aktivitat, aktivitatstyp,
            type d activite, tipo, tipo de actividad, tipo de atividade, task subtype, channel, kanal, tipo di
            attivita, activiteitstype, soort, aktivitatsart
        """,
        "subject": """
            subject, title, name, betreff, objet, asunto, assunto, activity, description, onderwerp, oggetto
        """,
        "owner_id": OWNER_ID,
        "owner_name": f"activity assigned to, assigned to user, {OWNER_NAME}, done by, created by",
        "owner_email": OWNER_EMAIL,
        "occurred_at": f"""
            activity date, date, occurred at, done time, marked as done time, completed at, completion date, completed
            date, start time, start date, start, due date, date time, timestamp, time, call date, meeting date, datum,
            am, fecha, data, date et heure, {CREATED}, fecha y hora, data e ora, datum en tijd, datum uhrzeit,
            zeitpunkt, startdatum, logged at, sent at
        """,
        "direction": """
            direction, call direction, email direction, call type, richtung, sens, direccion, direcao
        """,
        "outcome": """
            outcome, call outcome, meeting outcome, call disposition, disposition, result, call result, status, done,
            ergebnis, resultat, resultado, statut, estado
        """,
        "duration": """
            duration, call duration, duration minutes, duration in minutes, call duration in seconds, duration s,
            duration seconds, duration min, dauer, duree, duracion, duracao, length, minutes
        """,
        "deal_id": """
            deal id, opportunity id, associated deal id, associated deal ids, what id, related to id, opp id
        """,
        "deal_name": """
            deal, deal title, deal name, opportunity, opportunity name, associated deal, related to, verkaufschance
        """,
        "contact_id": "contact id, person id, who id, associated contact id, associated contact ids",
        "contact_name": """
            contact, contact person, contact name, person, associated contact, kontakt, ansprechpartner
        """,
        "company_id": COMPANY_ID,
        "company_name": COMPANY_NAME,
        "lead_id": f"{LEAD_ID}, associated lead id",
        "deleted": DELETED,
    },
}
COLUMNS: dict[Kind, dict[str, tuple[str, ...]]] = {
    kind: {field: names_in(names) for field, names in fields.items()} for kind, fields in _NAMES.items()
}
"""Per kind of file: our field and the names that its column goes by."""

NOT_AN_AMOUNT = as_words("""
    declared, monthly, annual, revenue, size, quantity, qty, count, number, score, probability, percent, pct, age,
    days, duration, year, catalog, employees, cost, discount, budget, expected, weighted, margin, commission, umsatz,
    anzahl, menge, jahr, angegeben, chance, rate, visits, minutes, seconds, id, no, nr, nummer, zip, plz, phone,
    leeftijd, aantal, prevu, previsto, probabilidad, probabilidade, wahrscheinlichkeit, pondere, ponderado, gewichtet,
    dauer, tage, alter, edad, anno, ano, jaar
""")
"""Words in a column's name that forbid taking it for a deal's amount by its looks alone."""

ANY_ID = as_words(ID)
"""Names of an id that do not say of what."""

VAGUE = as_words("""
    name, date, data, title, value, type, am, number, status, time, key, code, item, order, price, lead, deal,
    contact, person, user, customer, client, source, channel, product, account, company, email, mail, phone, id,
    state, sales, art, sens, step, start, end, result, web, site, revenue, umsatz, total, land, group, office,
    location, line, activity, note, done, ref, num, numero, n, nom, nome, naam, nombre, datum, fecha, what,
    description, projekt, project, secteur, valor, valore, wert, waarde, codigo, open, opened, won, closed, prix,
    precio, preco, zone, region, abschluss, fas, etap, topic, ae, seller, vendedor, venditore, agente, agent,
    commercial, comercial, empresa, negocio, transaction
""")
"""Words too common to find a field by when other words stand beside them."""

LINKING = as_words(
    "de, la, le, les, l, d, du, des, del, el, do, da, dos, di, della, der, die, das, of, the, for, van, het, und, e"
)
"""Words between words: "propriétaire de la transaction" has two that count."""
