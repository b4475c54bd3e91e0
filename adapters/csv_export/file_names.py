"""How exports call their files, by what they hold, and how we call that.

Vocabulary only: no decision is taken here. Words are written as `spelling.words` writes them.
"""

from __future__ import annotations

from adapters.csv_export.spelling import as_words, names_in
from adapters.records import Kind

KIND_WORDS: dict[Kind, tuple[str, ...]] = {
    Kind.DEAL: names_in("""
        deal, deals, opportunity, opportunities, opps, opp, pipeline, closed deals, sales pipeline, verkaufschancen,
        verkaufschance, chancen, auftrage, auftraege, abschlusse, abschluesse, abschluss, opportunites, affaires,
        ventes, oportunidades, negocios, negociacoes, vendas, geschafte, geschaefte, potentials, potential, won deals,
        orders, quotes, quotations, offers, angebote, devis, offertes, kansen, verkoopkansen, trattative, opportunita,
        vendite, verkopen, omzet, contracts, sales, affaire, affarer, salg, forsaljning, pipeline report, wins, szanse
    """),
    Kind.LEAD: names_in("""
        lead, leads, mql, mqls, prospects, prospect, anfragen, anfrage, interessenten, interessent, qualified leads,
        inquiries, enquiries, pistes, prospectos, demandes, solicitudes, contatos qualificados, aanvragen, richieste,
        lead generati, potenziali, candidats, enquetes, marketing leads, liste der anfragen
    """),
    Kind.COMPANY: names_in("""
        account, accounts, company, companies, organization, organizations, organisations, organisation, customers,
        firmen, unternehmen, kunden, entreprises, societes, empresas, cuentas, contas, clients, clientes, bedrijven,
        klanten, relaties, aziende, clienti, konten, organisationen, comptes
    """),
    Kind.CONTACT: names_in("""
        contact, contacts, people, persons, person, kontakte, personen, ansprechpartner, contactos, contatos,
        contacten, contatti, contacts clients, personas, pessoas, contactpersonen
    """),
    Kind.OWNER: names_in("""
        owner, owners, team, teams, sales team, sales teams, users, user, reps, sales reps, salespeople, agents,
        sellers, vertrieb, vertriebler, mitarbeiter, verkaufer, benutzer, vendeurs, commerciaux, vendedores, usuarios,
        staff, employees, verkopers, gebruikers, medewerkers, venditori, agenti, utenti, utilisateurs, equipo, equipe,
        vertriebsteam, representantes, sales people
    """),
    Kind.PRODUCT: names_in("""
        product, products, produkte, artikel, produits, productos, produtos, items, price list, catalog, producten,
        prodotti, artikelen, articles, articoli, product catalog, skus
    """),
    Kind.ACTIVITY: names_in("""
        activity, activities, tasks, task, events, event, calls, meetings, emails, engagements, aktivitaten,
        aktivitaeten, activites, actividades, atividades, interactions, touchpoints, termine, history, activiteiten,
        taken, attivita, taches, tareas, tarefas, rendez vous, anrufe, aufgaben, activity log, call log
    """),
}
"""How files are called, by what they hold."""

PLURALS = {kind: f"{kind}s" for kind in Kind} | {Kind.COMPANY: "companies", Kind.ACTIVITY: "activities"}

DICTIONARY_COLUMNS = as_words("""
    field, description, column, definition, variable, variables, meaning, feld, beschreibung, table
""")
"""What the columns of a data dictionary are called."""
