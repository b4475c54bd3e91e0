"""What stands in cells, in the usual languages: yes and no, months, stages, kinds and outcomes of activities.

Vocabulary only: no decision is taken here. Words are written as `spelling.words` writes them (lower case, no accents,
single spaces).
"""

from __future__ import annotations

from adapters.csv_export.spelling import as_words, names_in
from adapters.records import ActivityKind

MISSING = ("", "-", "--", "n/a", "#n/a", "n.a.", "null", "none", "nan", "(none)", "--none--", "(blank)", "select")
"""Cells that mean "nobody said", compared without case."""

TRUE_WORDS = as_words("""
    1, 1.0, yes, y, true, t, x, ja, j, wahr, oui, o, vrai, si, s, verdadero, sim, verdadeiro
""")
FALSE_WORDS = as_words("""
    0, 0.0, no, n, false, f, nein, falsch, non, faux, falso, nao
""")

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
    for name in names_in(names)
}

WON_WORDS = as_words("""
    closed won, won, gewonnen, gagne, gagnee, ganado, ganada, ganho, ganha, cerrada ganada, cerrado ganado, closedwon,
    fechado ganho, fechada ganha, abgeschlossen gewonnen, geschlossen gewonnen, ferme gagne, conclu, signed, win,
    sold, verkauft, vendu, vendido, auftrag erteilt, cierre ganado, deal won, successful, success, erfolgreich,
    contract signed, vinta, vinto, chiusa vinta, chiuso vinto, vendida, signe, signee, firmado, firmada, assinado,
    auftrag, getekend, verkocht, concluso, abgeschlossen und gewonnen, erteilt, converted, negocio fechado, negocio
    ganho, negocio cerrado, venta cerrada
""")
LOST_WORDS = as_words("""
    closed lost, lost, verloren, perdu, perdue, perdido, perdida, cerrada perdida, cerrado perdido, closedlost,
    fechado perdido, fechada perdida, abgeschlossen verloren, geschlossen verloren, ferme perdu, abandoned, abgesagt,
    cancelled, canceled, rejected, abgelehnt, refuse, rechazado, disqualified, dead, cierre perdido, deal lost, closed
    lost to competition, unqualified, perdido para concorrencia, loss, unsuccessful, storniert, persa, perso, chiusa
    persa, chiuso perso, abgeschlossen und verloren, absage, abgebrochen, abandonne, abandonnee, annule, annulee,
    anulada, anulado, cancelada, cancelado, afgewezen, geannuleerd, annullata, rifiutata, rechazada, recusada,
    declined, closed no decision, no decision, churned, nicht gewonnen, not won, no sale
""")
OPEN_WORDS = as_words("""
    open, offen, ouvert, ouverte, en cours, abierto, abierta, aberto, aberta, in progress, in bearbeitung, active,
    pending, em andamento, en proceso, on hold, aperta, aperto, in corso, lopend, en curso, em aberto, ongoing,
    working, laufend, pendiente, pendente, nieuw
""")
WON_STEMS = as_words("""
    won, gewonnen, gagne, gagnee, ganado, ganada, ganho, ganha, vinta, vinto, vendida, vendido, verkocht, getekend,
    vunnen, vunnet, vundet, wygrana, wygrane
""")
LOST_STEMS = as_words("""
    lost, verloren, perdu, perdue, perdido, perdida, persa, perso, forlorad, forlorat, tabt, tapt, przegrana,
    przegrane
""")
"""Words that tell the end of a deal within a longer name, unless one of these stands before them."""
NOT_WORDS = as_words("not, nicht, non, pas, no, nao, niet")
STAGE_RANK = {
    name: rank
    for rank, name in enumerate(
        names_in("""
        new, neu, nouveau, nuevo, novo, lead, lead in, inbound, created, prospect, prospecting, prospeccion,
        prospecao, akquise, erstkontakt, contact, contacted, contact made, engaging, engaged, appointment scheduled,
        qualification, qualified, qualify, qualifying, qualified to buy, qualifizierung, qualifiziert, discovery,
        needs analysis, bedarfsanalyse, needs defined, analyse, demo, demo scheduled, meeting, presentation,
        presentation scheduled, value proposition, id decision makers, identify decision makers, decision maker bought
        in, perception analysis, evaluation, trial, poc, proposal, proposal price quote, proposal sent, proposal made,
        quote, angebot, angebot versendet, offre, propuesta, proposta, negotiation, negotiations started, negotiation
        review, verhandlung, negociation, negociacion, negociacao, verbal, commit, contract sent, contract, vertrag,
        contrat, contrato, decision, closing, abschluss
    """)
    )
}
"""The usual names of open stages, from first to last."""

ACTIVITY_WORDS: dict[ActivityKind, frozenset[str]] = {
    ActivityKind.EMAIL: as_words("""
        email, e mail, mail, correo, courriel, emails, email sent, incoming email, e mail gesendet
    """),
    ActivityKind.CALL: as_words("""
        call, phone call, phone, calls, anruf, telefonat, telefon, appel, llamada, chamada, ligacao, telefonema,
        outbound call
    """),
    ActivityKind.MEETING: as_words("""
        meeting, meetings, event, besprechung, treffen, reunion, reuniao, demo, lunch, visit, besuch, video call,
        conference
    """),
    ActivityKind.APPOINTMENT: as_words("appointment, termin, rendez vous, rdv, cita, compromisso, kundentermin"),
    ActivityKind.TASK: as_words("task, tasks, to do, todo, aufgabe, tache, tarea, tarefa, deadline, follow up, other"),
    ActivityKind.NOTE: as_words("note, notes, notiz, nota, comment, kommentar, commentaire, sms, letter, brief"),
}

TOTALS = as_words("""
    total, totals, grand, sub, subtotal, subtotals, sum, sums, summe, summen, gesamt, gesamtsumme, zwischensumme,
    endsumme, insgesamt, somme, sous, general, generale, geral, suma, soma, totaal, subtotaal, eindtotaal, totale,
    totali, subtotale, records, record, rows, row, datensatze, filtered, average, avg, mittelwert, count, anzahl
""")
"""Words of which the first cell of a row of totals consists."""

DIRECTION_WORDS = {
    "in": as_words("in, inbound, incoming, received, eingehend, entrant, entrante, recebida, incoming email"),
    "out": as_words("out, outbound, outgoing, sent, ausgehend, sortant, saliente, enviada, forwarded email"),
}

CANCELLED = as_words("""
    cancelled, canceled, abgesagt, storniert, annule, annulee, cancelado, cancelada, anulado, anulada, deleted,
    declined
""")
NO_SHOW = as_words("""
    no show, noshow, nicht erschienen, absent, no asistio, nao compareceu
""")
DONE = as_words("""
    completed, done, true, yes, 1, erledigt, abgeschlossen, termine, terminee, completado, completada, concluido, held
""")
ACTIVE = as_words("""
    active, aktiv, actif, activo, ativo, enabled
""")
INACTIVE = as_words("""
    inactive, inaktiv, inactif, inactivo, inativo, disabled, deactivated
""")
