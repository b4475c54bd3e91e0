"""The words that a note may hold beside its facts. An allow-list: what is not here, nor in a cited fact, is refused.

Some words are true of some facts only: praise of a strength, a direction of a fact that moves that way.
"""

from __future__ import annotations

from typing import Final, Literal

Licence = Literal[
    "any", "praise", "lack", "quiet", "action", "caution", "deal", "flat", "moving", "upbeat", "dated", "present"
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTION: Final = _words(
    """
    a an the and or but also plus while yet too of on in at to for from by with into about as it its it's this that
    these those there there's here here's you your yours yourself they them their we our us let's let i me my is are
    was were be been being has have had do does did which who what what's how where when any some own per than then
    if such each during across within over between through onto along among via
    """
)
"""Never what is counted, and never what a sentence is about."""

JOINING: Final = _words(
    """
    a an the and but also plus while yet too of on in at to for it its it's this that that's these here here's there
    there's you your is are be as about what how which where could we us let's our from into with or can would might
    some have them my we're
    """
)
"""Function words that may stand beside a slot. Left out: what denies, doubts, limits or explains (`not`, `if`,
`only`, `so`, `after`, `by`)."""

PLAIN: Final = _words(
    """
    note notes noted noting background context summary overview recap update reminder highlight highlights headline
    point points thing things item items idea ideas thought thoughts topic topics question questions detail details
    picture story view facts fact word mention aside fyi example please kindly read reading keep kept mind remember
    know knowing see seeing look looking glance check checking consider considering share sharing mentioning discuss
    discussing discussion talk talking chat conversation review reviewing ask asking explore exploring think
    thinking plan planning prepare preparing decide deciding agree choose pick picking follow following raise
    raising bring bringing cover covering find finding try trying help helps helpful useful handy practical possible
    suggested suggestion suggestions suggest option options candidate candidates priority priorities focus focusing
    spot area areas place places start starting starter begin beginning opener first next then finally lastly
    another further additionally besides meanwhile separately alongside together back turn turning move moving go
    going take taking make making give giving put set use using get getting time moment minute slot quick quickly
    short brief briefly simple simply plain plainly clear clearly calm calmly careful carefully care caution
    cautiously gentle gently small little bit early still right away worth worthwhile worthy concrete specific
    specifically interesting notable noteworthy relevant ready key main extra data numbers number figures figure
    list board page side week work working desk day sample samples limit limits limited limitation quality ahead
    onward forward comes come stands stand shows show showing says say tells tell reads remains remain stays stay
    sits sit seems appears hello hi hey thanks thank want wants like maybe perhaps what's who's where's how's do
    does did can honest honestly frank fair fairly reasonable reasonably sensible easy easily light lightly needs
    need deserves deserve attention eye eyes hand hands touch loop line lines order sense shape shared common
    interest interests interested something anything somewhere some scene setting sets piece matter matters subject
    theme takeaway takeaways insight insights observation remark pointer pointers tip tips hint cue refresher
    roundup digest status situation position map lay land perspective angle lens frame front corner entry agenda
    calendar diary plate radar while ending finish wrap warm notice spotting observe flag flagged flagging
    highlighting pointing telling saying recall bear hold leave leaving shift dive dig zoom end sum walk run pencil
    block reserve ring phone dial invite offer propose recommend recommended recommending reflect pass passing
    revisit verify confirm refresh resolve settle handle friendly kind warmly fresh last other related important
    central minor obvious overall generally mainly otherwise elsewhere apart now could might would able feel free
    whenever sake awareness completeness food takes brought gave given gives placed meant mean between us rest
    afterwards straight directly onto before- none pause catch regarding seen told looked touching base circle link
    connect connecting connection wider broader deeper summarise summarize summing summed wrapping let value
    valuable ok okay alright yes indeed coffee minutes moments dear sign signs path news pace tempo addition
    particular particularly notably interestingly importantly said aware flip glimpse state headlines bearing treat
    treated inform information entries reader rounds round pop popped dropping popping shortlist wish checklist
    remind reminded reminding noticed noticing spotted covers covered includes including included shown here plus
    and with for from within advisable timely opens caveat caveats remembering evidence outlook confirming started
    busy prioritise prioritize welcome aboard speed mindful heed hear hearing part parts having reopen reopening
    along anyway stop zooming however speaking report reporting moreover furthermore switching pro memo heading
    headings section sections paragraph extract excerpt clip capture captured sketch outline outlined rundown
    lowdown breakdown tour peek peeking catchup intro introduction postscript ps nb sidebar footnote bullet
    dashboard sheet chart log ledger tally real way case door knock out whole
    """
)

OPENING: Final = _words(
    """
    structure structured orderly acknowledge acknowledging acknowledgement announce announcement appreciate
    appreciated appreciating assess assessing attempt basics bookmark browse building calendars capitalise
    capitalize chapter coach coaching concentrate continue date dates describe develop developing dialogue diaries
    dig discover emphasise emphasize essential essentials evaluate evaluating examine examining experiment explain
    exploration explored extra featuring feature follow-up follow-ups followup followups gauge general handling
    inspect inspecting investigate investigating jot kick kicking likewise marking nugget nurture nurturing onto
    open opening opener opens organise organize outline outlines pin pinned pivot pivoting ponder present presenting
    prioritise prioritize prioritising prioritizing prompt re-check recheck reconsider reconsidering refer reference
    references referring reflection reflections regard regards register respect rethink rethinking scan schedule
    scheduling session sessions showcase showcasing skim specifics spotlight stage step surface surfacing tag tagged
    tangible tackle tackling tidbit timing to-do to-dos todo todos tone transition transitioning tune underline
    unpack unpacking update updates updating validate validating viewpoint weigh weighing wonder wondering
    actionable worthwhile alternatively additionally aside interesting reach reaching reachout check-in check-ins
    checkin touchbase connect reconnecting reengage reengaging follow-through groundwork prep preparation
    preparations idea piece pieces table tables drawing board boards map maps compass anchor bridge key keys tool
    tools toolkit playbook recipe menu card cards deck slide slides sticky post-it postit diary
    """
)
"""Harmless in what opens a sentence, before its first slot, and nowhere else."""

PARAPHRASE: Final = _words(
    """
    from a an the and or but also of on in at to for by with into as it its it's this that these those there there's
    here you your yours is are was were been being has have had having which who that's come comes came across
    within over out against among when where own stands stood sits sat shows showed shown counts counted number
    numbers figure totals totalled tallied registered amounts level moved went changed reached worth valued still
    please note remember per now compared
    """
)

BASELINE: Final = _words(
    """
    usual usually typical typically normal normally baseline norm own compared against versus vs than rather pace
    """
)
"""May be said of a fact that has a baseline."""

PRAISE: Final = _words(
    """
    good nice great well done strong solid healthy encouraging positive bright pleasing progress momentum success
    strength strengths credit praise proud pleasure kudos bravo cheers glad happy enjoy celebrate celebrating
    celebrated congratulations congrats lovely fine impressive effort headway win wins rewarding promising upbeat
    asset paying build building continue continuing sustain sustaining repeat repeating maintain maintaining steam
    energy rhythm stride roll sharp thumbs applause pleased delight delighted delightful smile smiling satisfying
    satisfied reward grateful thankful commend commendable worthy cheerful rosy habit habits deserved hooray result
    results wave pat riding ride carry carrying right coming shine shining cheering solidly nicely smoothly warmly
    healthily hearten heartening uplifting delighting thriving lively fruitful productive effective polished winning
    rolling positives upside applaud recognition recognize recognise recognizing recognising motion groove flow
    cadence consistency craft played foundation form shape went doing paced
    """
)
"""Only of what is a strength."""

LACK: Final = _words(
    """
    tidy tidying cleanup untidy fix fixing concern concerns concerning problem problems issue issues risk risks
    risky room improve improving improvement improvements opportunity opportunities potential loose ends end stuck
    watch watching stretch unfinished overlooked slipping chase chasing nudge nudging revive reviving unblock
    unblocking rescue sort sorting patch mend mending address addressing tackle tackling tidied chance chances
    housekeeping attention backlog leftover leftovers cleaning dust dusting polish polishing
    """
)
"""Not of what is a strength."""

QUIET: Final = _words("quiet quieter calm slow slower thin light sparse empty silent")
"""Not of a strength, and not of what goes up."""

UP: Final = _words(
    """
    up rise rises rose risen rising grow grows grew grown growing growth increase increases increased increasing
    climb climbs climbed climbing gain gains gained gaining higher high more above upward upwards upturn uptick
    upswing surge surges surged surging jump jumps jumped jumping soar soars soared soaring lift lifts lifted
    lifting expand expands expanded expanding expansion accelerate accelerates accelerated accelerating acceleration
    improve improves improved improving improvement recover recovers recovered recovering recovery rebound rebounds
    rebounded bounce bounced strengthen strengthened strengthening advance advanced advancing boost boosts boosted
    boosting greater larger bigger better swell swells swelled swollen spike spikes spiked exceed exceeds exceeded
    exceeding surpass surpasses surpassed beat beats beating outpace outpaced topped topping raise raised raises
    ascending ascended escalate escalated escalating mount mounted mounting multiply balloon ballooned ballooning
    progressed progressing rally rallied rocketed rocketing skyrocketed busier stronger faster quicker fuller richer
    """
)
DOWN: Final = _words(
    """
    down fall falls fell fallen falling drop drops dropped dropping decline declines declined declining decrease
    decreases decreased decreasing shrink shrinks shrank shrunk shrinking shrinkage slip slips slipped slipping
    slide slides slid sliding dip dips dipped dipping lower low lowered lowering fewer less below under downward
    downwards downturn reduce reduces reduced reducing reduction lose loses losing slump slumps slumped slumping
    sink sinks sank sunk sinking tumble tumbles tumbled tumbling slow slows slowed slowing slower slowdown weaken
    weakens weakened weakening worsen worsened worsening worse deteriorate deteriorated deteriorating contract
    contracts contracted contracting contraction plunge plunged plunging plummet plummeted plummeting crash crashed
    crashing diminish diminished diminishing dwindle dwindled dwindling ebb ebbed fade faded fading smaller lesser
    short shortfall behind regress regressed retreat retreated cut cuts subside subsided taper tapered tapering
    erode eroded eroding soften softened softening weaker cooled cooling trailing trailed lag lagged lagging
    backslid thinner emptier quieter
    """
)
FLAT: Final = _words(
    """
    flat flatter flattened steady steadily stable stability unchanged constant consistent consistently level
    levelled leveled even unmoved static same stagnant stagnated stagnating stagnation plateau plateaued plateauing
    unaltered similar sideways equal equalled matches matched matching unvarying
    """
)
DIRECTIONS: Final = {"up": UP, "down": DOWN, "flat": FLAT}

NEGATIONS: Final = _words(
    """
    no not none never nothing nobody nowhere neither nor without cannot can't isn't aren't wasn't weren't hasn't
    haven't hadn't doesn't don't didn't won't wouldn't shouldn't couldn't mustn't needn't ain't lack lacks lacked
    lacking missing absent absence minus free devoid
    """
)

COMPARING: Final = _words("against versus vs than compared above below over under from on with up down")
"""Says that two values are held against one another."""
STOPS: Final = _words("so because with for in on at over last this to from of since by until than but")
"""Ends the reach of a denial."""

ACTIONS: Final = _words(
    """
    call contact ring reach check review plan book set schedule arrange add agree ask look start begin take consider
    update confirm talk pick choose make find get put visit message write email try revisit reconnect touch prepare
    give focus follow raise discuss bring clear clarify fill complete enter name define note log refresh line go
    return turn use send say speak
    """
)
"""Verbs that open a suggestion."""

HEDGES: Final = _words(
    """
    may might could due expected planned scheduled estimated likely about possibly probably
    """
)
"""What a phrase hedges, prose must hedge too."""

DOMAIN: Final = _words(
    """
    meeting meetings call calls email emails mail mails message messages demo demos deal deals lead leads
    opportunity opportunities pipeline quota target targets revenue bookings booking forecast forecasts stage stages
    activity activities contact contacts proposal proposals quote quotes account accounts customer customers client
    clients prospect prospects task tasks visit visits won lost closed open opened opening close closing overdue
    stalled conversion response win rate cycle ticket tickets contract contracts order orders invoice renewal
    renewals churn campaign campaigns source sources appointment appointments conversation conversations touchpoint
    touchpoints commission bonus discount discounts price pricing budget budgets velocity coverage margin profit
    sales sale selling sold seat seats step steps signature signatures decision decisions buyer buyers owner owners
    created qualified booked sent held logged recorded referral referrals trial trials reply replies answer answers
    hours company companies
    """
)
"""What can be counted: only the word that the cited fact itself uses."""

FOREIGN: Final = _words(
    """
    el la los las un una unos unas del al con sin sus tus muy mucho muchas bien buen buena bueno buenas esta este
    estas semana pasada paso siguiente reunion cliente clientes llama llamar pronto hola gracias trabajo sigue
    conviene pero porque cuando le les des du une est et ou avec sans pour vous votre vos nous bon bonne tres
    semaine derniere rappel bravo merci beau belle ce cette ces dans sur pas qui que quoi prochaine etape client
    travail bonjour continuez appelez der die das den dem ein eine einen einem einer und oder aber mit ohne fur ist
    sind war waren gut gute guter gutes arbeit woche letzte letzten nachste schritt kunde bitte danke sehr nicht
    kein keine auch sie ihr ihre ihren weiter achtung il lo gli uno della delle degli nel nella senza per non sono
    bene buono buona ottimo ottimi settimana scorsa prossimo passo grazie ciao lavoro attenzione o os um uma uns
    umas do da dos em com sem mais boa bom obrigado passado ola seu sua voce trabalho het een van voor niet goed
    goede vorige volgende stap dank je jouw zijn werk az egy es vagy nem jo szep munka kovetkezo lepes koszonom
    nagyon kerem figyelem ugyes oraz nie dobrze dobra praca tydzien krok dziekuje prosze och att det inte bra jobb
    vecka tack ja nein oui si nyet hyva hienoa tyota viikko kiitos god godt arbejde uge tak arbeid takk
    """
)
"""Frequent words of other languages that are no English words: they only give a refusal its name."""
