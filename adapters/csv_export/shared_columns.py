"""Names of the columns that files of several kinds have: ids, days, people, firms, sources.

Vocabulary only: no decision is taken here. Names are in order of strength, the best one first, separated by commas,
and written as `spelling.words` writes a header.
"""

from __future__ import annotations

ID = """
    record id, id, key, uuid, guid, external id, object id, hs object id, datensatz id, code, codigo, identifiant,
    identificador, identificatore, kenmerk, ref, reference, referenz, referencia, referentie, riferimento, no, nr,
    num, n, numero
"""
CREATED = """
    create date, created date, created at, created on, created time, creation date, date created, created, add time,
    added on, erstellt am, erstelldatum, angelegt am, anlagedatum, erstellungsdatum, date de creation, cree le, fecha
    de creacion, creado el, data de criacao, criado em, aangemaakt op, aanmaakdatum, aangemaakt, datum aangemaakt,
    data creazione, data di creazione, creato il, creata il, fecha alta, fecha de alta, data de inicio, data de
    abertura, criado, creado, cree, erstellt, angelegt, eroffnet, fecha creacion, data criacao, creation, creation
    time, date creation, ouvert le, skapad, skapad datum, oprettet, opprettet, utworzono, data utworzenia
"""
MODIFIED = """
    last modified date, last modified, modified time, modified date, modified at, updated at, update time, updated on,
    updated, last updated, system modstamp, geandert am, zuletzt geandert, date de modification, fecha de
    modificacion, bijgewerkt op, laatst gewijzigd, gewijzigd op, ultima modifica, data ultima modifica, modifie le,
    derniere modification, ultima modificacion, ultima modificacao, atualizado em, data de atualizacao, aktualisiert
    am, last activity modified, date updated, date modified
"""
OWNER_ID = """
    owner id, user id, rep id, sr id, sales rep id, agent id, salesperson id, assigned to id, employee id, assigned
    user id, owner user id, deal owner id, benutzer id, mitarbeiter id
"""
OWNER_NAME = """
    owner, owner name, sales agent, sales rep, sales representative, salesperson, sales person, account executive,
    rep, assigned to, assignee, agent, responsible, account manager, verantwortlicher, zustandig, bearbeiter,
    vertriebler, vertriebsmitarbeiter, verkaufer, verkaeufer, betreuer, inhaber, besitzer, proprietaire, responsable,
    commercial, vendeur, propietario, vendedor, comercial, proprietario, responsavel, user, seller, contact owner,
    owner full name, user name, assigned user, deal owner, opportunity owner, record owner, zustandiger mitarbeiter,
    fur deal zustandiger mitarbeiter, deal besitzer, vertriebsbeauftragter, aussendienst, kundenberater, eigenaar,
    verkoper, accountmanager, verantwoordelijke, toegewezen aan, proprietario trattativa, venditore, responsabile,
    agente, assegnato a, commercial responsable, charge d affaires, ejecutivo, ejecutivo de ventas, asesor,
    responsable comercial, vendedor responsavel, closer, deal assignee, handled by, owned by, ae, account exec,
    verantwortlich, agare, saljare, ansvarlig, ansvarig, ejer, eier, handlowiec, propietario del negocio, proprietaire
    de la transaction, proprietario do negocio, dealeigenaar, vertegenwoordiger, opportunity inhaber
"""
OWNER_EMAIL = """
    owner email, owner e mail, rep email, user email, sales rep email, deal owner email, assigned user email,
    salesperson email, agent email, benutzer e mail
"""
COMPANY_ID = """
    company id, account id, organization id, organisation id, customer id, client id, associated company ids, firmen
    id, primary associated company id, account name id, organization name id, associated company id, kundennummer,
    kunden id, org id, bedrijfs id, klantnummer, relatie id, codigo cliente, code client, id azienda, id empresa
"""
COMPANY_NAME = """
    account name, company name, organization name, organisation name, account, company, associated company,
    organization, organisation, customer, customer name, client, client name, firma, unternehmen, kunde, firmenname,
    entreprise, societe, client nom, empresa, cliente, cuenta, conta, compania, primary associated company,
    zugehoriges unternehmen, zugehorige company, organisationsname, auftraggeber, bedrijf, bedrijfsnaam, klant,
    klantnaam, relatie, organisatie, azienda, ragione sociale, nome azienda, cliente nome, nome da empresa, nome do
    cliente, nombre de la empresa, nombre del cliente, razon social, raison sociale, nom du client, nom de l
    entreprise, organisme, buyer, lead name, business name, prospect, potential customer, foretag, kund, virksomhed,
    bedrift, firma kunde, klient, entreprise associee, empresa asociada, empresa associada, gekoppeld bedrijf,
    verknupfte organisation
"""
CONTACT_ID = """
    contact id, associated contact ids, associated contact id, primary contact id, person id
"""
CONTACT_NAME = """
    contact person, contact name, primary contact, associated contact, associated contacts, person name, contact,
    person, ansprechpartner, kontakt, interlocuteur, contacto, contato, contactpersoon, contact principal, nom du
    contact, nombre del contacto, nome do contato, persona de contacto, pessoa de contato, referente, nome contatto
"""
SOURCE = """
    lead source, original source, original source type, deal source, opportunity source, source, original traffic
    source, utm source, source channel, origin, quelle, leadquelle, herkunft, kanal, channel, marketing channel,
    canal, origine, origen, origem, fuente, fonte, lead origin, acquisition channel, provenance, bron, leadbron,
    herkomst, provenienza, sorgente, fonte lead, origen del lead, origem do lead, canal de origem, canal de aquisicao,
    canal d acquisition, source du lead, akquisekanal, first touch channel, how did you hear about us, referral
    source, kalla, kilde, zrodlo
"""
CAMPAIGN = """
    campaign, campaign name, utm campaign, primary campaign source, kampagne, campagne, campana, campanha, campaign
    id, campagna
"""
CURRENCY = """
    currency, currency of value, currency iso code, currency code, deal currency code, wahrung, waehrung, devise,
    moneda, moeda, valuta, monnaie, divisa, amount currency, value currency, deal currency, wahrung des werts, devise
    de la valeur, moneda del valor
"""
LEAD_ID = """
    mql id, lead id, lead key, lead number, prospect id, originating lead id, lead, lead ref, lead no, anfrage id,
    lead nr, lead number id, marketing lead id, id lead, id del lead, id do lead, inquiry id, enquiry id
"""
DELETED = "is deleted, deleted, geloscht, supprime, eliminado, excluido, verwijderd"
PERSON = {
    "first_name": """
        first name, firstname, given name, vorname, prenom, nombre, primer nombre, primeiro nome, voornaam
    """,
    "last_name": """
        last name, lastname, surname, family name, nachname, nom de famille, apellido, apellidos, sobrenome,
        achternaam, cognome, ultimo nome, nom
    """,
    "email": """
        email, email address, e mail, e mail address, mail, e mail adresse, courriel, adresse email, correo, correo
        electronico, person email, email work, e mailadres, emailadres, indirizzo email, endereco de email, direccion
        de correo
    """,
    "phone": """
        phone, phone number, telephone, mobile, mobile phone, mobile phone number, telefon, telefonnummer, telefono,
        telefone, portable, handy, person phone, phone work, telefoon, telefoonnummer, mobiel, numero de telephone,
        numero de telefono, cellulare, celular, movil, rufnummer
    """,
}
