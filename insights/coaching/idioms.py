"""Set phrases that a note may hold, whose words would mean something else alone; each with what it is true of."""

from __future__ import annotations

import re
from typing import Final

from insights.coaching import lexicon

_OPENS: Final = (
    r"(?:(?<!\w )(?<![\w⟧] )|(?<=please )|(?<=consider )|(?<=worth )|(?<=suggest )|(?<=recommend )|(?<=then )|"
    r"(?<=first )|(?<=next )|(?<=and )|(?<=could you )|(?<=let's )|(?<=let’s )|(?<=time to )|(?<=good to )|"
    r"(?<=like to )|(?<=want to )|(?<=step is to )|(?<=would be to )|(?<=could be to )|(?<=idea to )|(?<=priority to )|"
    r"(?<=⟧ to ))"
)
"""Where a clause begins or somebody is invited: "book a meeting" suggests what "you book a meeting" would claim."""
_HOW: Final = "(?:quick |short |brief |friendly |follow-up |first |new )?"
_DEAL: Final = "⟦D:[^⟧]*⟧"
_WHEN: Final = "(?: (?:soon|today|tomorrow|this week|next week|early this week))?"
_IDIOMS: Final[tuple[tuple[str, lexicon.Licence], ...]] = (
    (
        _OPENS
        + r"(?:add(?:ing)?|confirm(?:ing)?|fix(?:ing)?|request(?:ing)?|lock(?:ing)? in|find(?:ing)?|mak(?:e|ing)|"
        r"hold(?:ing)?|book(?:ing)?|plan(?:ning)?|schedul(?:e|ing)|arrang(?:e|ing)|set(?:ting)? up|propos(?:e|ing)|"
        rf"suggest(?:ing)?) (?:a|another|some|that|the|this) {_HOW}(?:meeting|call|visit|time|chat|check-in)"
        rf"(?: (?:with|for|at) {_DEAL})?{_WHEN}",
        "action",
    ),
    (
        _OPENS + r"(?:check(?:ing)? in|touch(?:ing)? base|follow(?:ing)? up|connect(?:ing)?|reconnect(?:ing)?|"
        r"re-?engag(?:e|ing)|catch(?:ing)? up|circl(?:e|ing) back|speak(?:ing)?|talk(?:ing)?|reach(?:ing)? out)"
        rf"(?: with| to)? {_DEAL}{_WHEN}",
        "action",
    ),
    (
        _OPENS
        + rf"(?:prioriti[sz]e|re-?activate|revive|revisit|contact|visit|ring|call|phone|chase|nudge) {_DEAL}{_WHEN}",
        "action",
    ),
    (
        _OPENS + r"confirm (?:the|its|their) (?:close date|date|next steps?|plan|status)"
        rf"(?: (?:with|for|of) {_DEAL})?{_WHEN}",
        "action",
    ),
    (
        _OPENS
        + r"(?:add|set|plan|define|enter|choose|pick|agree(?: on)?) (?:a|the|their|its|some) (?:clear |concrete )?"
        r"next steps?(?: (?:to|for) (?:each|them|these|those|this one|each of them))?",
        "action",
    ),
    (
        r"(?:a |one |some )?(?:topics?|points?|items?|questions?|ideas?|focus) for (?:this|next|the) week(?=\s*:)|"
        r"(?:i|we)['’]d (?:start|begin|open|go) with|(?<=⟧ )comes next(?=\s*:)",
        "action",
    ),
    (r"action items?(?=\s*:)|worth (?:your|some) time(?: this week| today)?(?=\s*:)", "action"),
    (
        r"worth (?:a|an|another) (?:quick |short |brief |friendly )?(?:call|chat|email|visit|follow-up|check-in|"
        rf"conversation|message|ring){_WHEN}",
        "action",
    ),
    (r"(?:i|we)(?:['’]d| would)? (?:suggest|recommend|propose)(?: (?:starting|beginning) with)?", "action"),
    (r"(?:a |one |quick )*(?:check-in|check-in call|follow-up call)(?= with ⟦D|\s*[:.,;])", "action"),
    (r"(?:give|giving|drop|dropping)(?= ⟦D:[^⟧]*⟧ (?:a |an |another |some ))", "action"),
    (rf"(?<=⟧ )(?:a|another) {_HOW}(?:call|ring|nudge|push|visit|line|look)(?=\s*[:.,;])", "action"),
    (r"(?<=⟧ )(?:some|your) (?:attention|time|thought)(?=\s*[:.,;])", "lack"),
    (r"(?:a |an )?(?:positive|good|nice|encouraging|healthy|promising) trend", "upbeat"),
    (r"(?:the |your |this )?trend(?=\s*:)", "moving"),
    (
        r"coming up(?: next)?(?=\s*:)|(?:an? )?upcoming date(?=\s*:)|mark your (?:calendar|diary)(?=\s*:)|"
        r"time-sensitive(?=\s*:)|(?:a |the )?date (?:ahead|coming up)(?=\s*:)",
        "dated",
    ),
    (
        r"(?:improvement|growth|development|focus|work|coaching) (?:areas?|points?|opportunit(?:y|ies))(?=\s*:)|"
        r"what (?:could|can|might) be improved|what to improve|room for growth|"
        r"where (?:to|you can|you could|we can|we could) (?:improve|tidy up|focus)|"
        r"(?:which|that|this|it)(?: is| are|['’]s)? worth (?:addressing|fixing|tidying(?: up)?|sorting(?: out)?)|"
        r"(?:a |one |some )?(?:small |quick )?tweaks?",
        "lack",
    ),
    (
        r"\A(?:firstly|secondly|thirdly|second)(?=,)|(?:a |one )?(?:quick )?snapshot of where you stand|"
        r"how (?:do|will) (?:you|we) (?:want to |plan to |intend to )?"
        r"(?:approach|take|handle|move|pick|plan|tackle|work|start|open|use|follow)"
        r"(?: (?:this|it|that))?(?: (?:up|on|forward|next|here))*|"
        r"(?:i|we)(?:['’]d| would)? (?:just )?(?:like to|want to|wanted to) (?:highlight|mention|point out|note|share|"
        r"flag|start with|begin with|talk about|discuss|draw your attention to)|"
        r"let me (?:highlight|mention|point out|note|share|flag|start with|begin with|remind you(?: that)?)|"
        r"(?:here['’]s |here is )?what (?:i see|we see|stands out|the (?:data|numbers|figures) (?:shows?|says?|"
        r"tells? us))|"
        r"based on (?:the|your|our) (?:data|numbers|figures|activity|records|crm)|"
        r"(?:pipeline|deal|data|crm|health) (?:check|note|review|tip|update|reminder)(?=\s*:)|"
        r"(?:your |the )?weekly (?:recap|summary|overview|update|review|note)(?=\s*:)|"
        r"on (?:a|another|that|this) (?:different |separate |related |side |final )?note|bottom line(?=\s*:)|"
        r"(?:that being|having|with that) said(?: that)?",
        "any",
    ),
    (
        r"(?:a |an |some |one |the |our |your )?(?:good|great|nice|fine|natural|sensible) "
        r"(?:topic|idea|time|moment|question|candidate|item|subject|conversation|discussion|choice|option|"
        r"starting point|reminder|next move|thing|detail|context)"
        r"(?: (?:for|to) (?:discuss|talk about|raise|know|check|review|plan|our next (?:chat|talk|meeting)))?|"
        r"(?:kick|start|open)(?:ing)? (?:things )?off|\A(?:after that|from there)(?=,)|on top of that|"
        r"(?:if|when|whenever) you (?:get|have|find) (?:a |some )?(?:chance|moment|minute|time)|"
        r"whenever you['’]re ready|"
        r"just (?:a (?:quick |small )?(?:thought|flag|suggestion|idea|word)|to (?:flag|mention|note|let you know)|"
        r"flagging|noting|mentioning)|as you (?:may |might )?know|"
        r"(?:pipeline|deals?|accounts?) (?:spotlight|focus|watch|in focus|in view)(?=\s*:)|"
        r"(?:let['’]s|let us) not (?:overlook|forget|miss|lose sight of)(?: (?:this|it|these|that))?|"
        r"(?:may|might|could|would|can) help(?: (?:here|you|too|as well))?(?=\s*[:;,.]|$)|"
        r"(?:this|last|the last) time around|first things first|(?:setting|to set|set) the (?:stage|scene|tone)|"
        r"(?:taking|take|to take) a step back|stepping back|(?:point|frame) of reference|"
        r"(?:to )?(?:open|start|begin|kick off|lead)(?:ing)? (?:off )?with(?=\s*[:,])|"
        r"as for (?:the|this|your)(?= (?:data|numbers|week|rest))|this is where (?:you|things|we) (?:are|stand)",
        "any",
    ),
    (
        r"(?:i|we)(?:['’]m|['’]re| am| are)? (?:very |really |so )?(?:pleased|happy|glad|delighted|excited) to "
        r"(?:see|report|share|note|say|tell you|mention|highlight)(?: that)?|"
        r"(?:i |we )?(?:love|like)(?:d)? (?:to see|seeing|that|this|it)(?: (?:this|it))?(?=\s*[:!,])|"
        r"(?:you|we)(?:['’]ve| have)(?: got)?(?= (?:a |some )?(?:good|great|nice|solid|healthy|strong) "
        r"(?:momentum|pace|rhythm|start|progress|foundation|base))",
        "praise",
    ),
    (
        r"(?:another |one |a |the |your |next |suggested |recommended |possible |proposed |"
        r"follow-up |next best )*actions?(?: to (?:consider|take|plan|discuss)| for you)?(?=\s*:)",
        "action",
    ),
    (
        r"one date to (?:watch|note|remember|plan for)(?=\s*:)|(?:check|confirm|note|mark) (?:the|this) date(?=\s*:)",
        "dated",
    ),
    (
        _OPENS
        + rf"get (?:a|another) {_HOW}(?:meeting|call|visit) (?:on|in|into) (?:the|your) (?:calendar|diary|books)",
        "action",
    ),
    (
        r"on a (?:brighter|positive|high|good|happy) note|a (?:nice|good|great|solid|clear) step forward|"
        r"one of your (?:strengths|highlights|strong points)|(?:nice one|great stuff|big thumbs up)(?=\s*[:!,.])",
        "praise",
    ),
    (r"it(?:['’]s| has) been (?:a while|quiet)(?=\s*[:,;.])", "quiet"),
    (r"(?:the |your )?picture (?:may|might|could) be incomplete|there (?:may|might) be a gap in the data", "caution"),
    (r"a date to (?:keep in mind|watch|note|remember|plan for)(?=\s*:)|(?:the )?date in view(?=\s*:)", "dated"),
    (
        r"(?:right now|at the moment|at present|currently|as of now|as it stands|as things stand)(?=\s*[,:]\s*⟦F)",
        "present",
    ),
    (
        r"one (?:more |small |quick |other )?(?:opportunity|chance|improvement|gap)(?= (?:to|for|here)\b|\s*:)|"
        r"(?:a |one |some )?(?:small |few )?improvements? (?:could be made|to (?:make|consider))|"
        r"tighten(?:ing)? (?:things|this|it|that|these) up|(?:get|getting) (?:this |it |things )?organi[sz]ed|"
        r"(?:areas?|points?|room|scope|space|potential) (?:for|to) (?:improv(?:e|ement)|attention|work on|"
        r"focus(?: on)?|develop(?:ment)?|tidy)|"
        r"needs? (?:a bit of |some |a little |your )?(?:attention|work|care|focus|thought|tidying)|"
        r"(?:could|can|may|might) (?:use|do with) (?:a bit of |some |a little |your )?"
        r"(?:attention|work|care|love|focus|time|thought|tidying)|"
        r"(?:clear|clean|tidy|sort) (?:this|these|it|them|those) (?:out|up)|"
        r"pipeline (?:housekeeping|hygiene|tidy-up|clean-up)",
        "lack",
    ),
    (
        r"(?:i|we) (?:noticed|noted|see|saw|can see)(?: that)?(?= ⟦F|\s*:)|"
        r"it (?:may|might|could|would) (?:help|be (?:worth|useful|good|helpful|wise|worthwhile)) "
        r"(?:to (?:look at|look into|check|review|discuss|consider|revisit|plan)|"
        r"looking at|checking|reviewing|discussing)|"
        r"you (?:may|might|could) (?:want|like|wish) to (?:look (?:into|at)|check|review|consider|revisit|discuss|"
        r"plan|start with|keep an eye on)|in terms of (?:results|numbers|activity|progress|data|follow-up)|"
        r"tak(?:e|ing) (?:this |that |it )?into account|(?:be|please be) aware(?: that| of)?|"
        r"as a (?:quick |side |small |general |final |brief )?(?:reminder|note|side note|summary|starting point)|"
        r"in (?:summary|general|other words)|before (?:you (?:read on|start|begin)|we (?:start|begin|go on))|"
        r"(?:put|putting) (?:this|it|that|things) in(?:to)? (?:perspective|context)",
        "any",
    ),
    (
        r"(?:data|information|numbers|figures|records?) (?:may|might|could) be (?:incomplete|missing|limited|partial|"
        r"out of date)(?=\s*[:;])|(?:data|data quality|sync|sample(?: size)?) "
        r"(?:note|notes|caveat|check|reminder|warning|limitation)s?(?=\s*:)|(?:a )?(?:disclaimer|limitations?)(?=\s*:)",
        "caution",
    ),
    (
        r"let['’]s (?:start|begin|open) with (?:the|some|a few) (?:positives?|good news|wins?|highlights?|strengths?)|"
        r"(?:this|it|that) (?:one )?stands out in a good way|(?:heading|moving|going) the right way(?=\s*:)|"
        r"worth (?:recogni[sz]ing|celebrating|applauding)|on your side(?=\s*:)",
        "praise",
    ),
    (
        r"a (?:big |real |clear )?plus(?=\s*:)|continues(?=\s*:)|"
        r"(?:this|that|it) (?:looks|is looking|seems|feels) (?:good|great|healthy|solid|strong|promising|encouraging)|"
        r"it(?: was| is|['’]s|['’]s been| has been) (?:good|great|nice|lovely|encouraging|a pleasure) to "
        r"(?:see|note|read|report)(?: that)?|"
        r"well (?:done|handled|played|managed|worked|paced|kept)|"
        r"(?:you|we)(?:['’]ve| have) (?:built|kept|found|set|made) (?:up )?(?=(?:a |some )?(?:good|great|nice|solid|"
        r"healthy|strong) )|"
        r"a lot to (?:like|celebrate|build on|be (?:pleased|proud|happy|glad) (?:of|about|with))|"
        r"credit where (?:it['’]s|it is|credit is) due|one to (?:celebrate|applaud|repeat|enjoy)(?=\s*:)|"
        r"you (?:should|can|may) be (?:proud|pleased|happy|glad)(?: (?:of|with|about) (?:this|that|it))?|"
        r"something to (?:be proud of|smile about|feel good about|build on|repeat)",
        "praise",
    ),
    (
        r"(?:may|might|could|would|can|will) (?:need|benefit from|deserve|do with|use|welcome) "
        r"(?:a |an |some |a bit of |a little |your |our )?(?:quick |short |closer |little |small )?"
        r"(?:attention|time|thought|look|review|call|check|plan|visit|nudge|push|focus|help|hand|follow-up)|"
        r"(?:clos(?:e|ing)|fill(?:ing)?|mind(?:ing)?) (?:this|the|that|a) gap|"
        r"worth (?:a look|reviewing|checking|tidying|planning|discussing|picking up|sorting|fixing)"
        r"(?: (?:this week|today|soon))?(?=\s*:)|"
        r"worth (?:your|some|our|a little|a bit of) (?:attention|thought|focus)|"
        r"(?:could|might) use (?:a |an |some )?(?:plan|call|hand|push|nudge|check|look|visit|review|tidy)|"
        r"(?:to )?(?:stay|keep|staying|keeping) on top of (?:things|this|it|these)",
        "lack",
    ),
    (
        _OPENS + rf"get {_DEAL} moving(?: forward)?|why not (?=start|call|plan|reach|give|try|check|review|book|look)",
        "action",
    ),
    (r"(?:this|it|that|one thing|one point) (?:that )?stands out(?=\s*:)", "any"),
    (
        r"(?:clean|tidy|sort|clear|wrap|pick|follow|line)(?:ing)? (?:this|it|that|these|them|things|those) up|"
        r"(?:a few|some|two|a couple of) (?:things|points|notes|ideas|words) (?:to|for|worth)",
        "any",
    ),
    (
        r"(?:take|worth|set aside|spend|give (?:it|this)|needs?) (?:only )?(?:five|ten|a few|two|a couple of|some|a) "
        r"minutes?(?: (?:for|on) (?:this|it|these))?",
        "any",
    ),
    (
        r"(?:let['’]s not|don['’]t|do not) forget|not to forget|just (?:for|as) (?:context|reference|background)",
        "any",
    ),
    (r"just a (?:quick |short |small )?(?:note|reminder|thought|pointer|heads[- ]up)|(?:the )?state of play", "any"),
    (
        r"(?:make (?:this|it) )?(?:your|a|the) (?:very )?first (?:stop|call|port of call|move|task)|"
        r"drop (?:them|it) a line|"
        r"give this one (?:a|another) (?:quick |short )?(?:call|ring|nudge|push|look|try|visit)|"
        r"(?:the |your )?next best (?:action|step|move)(?=\s*:)",
        "action",
    ),
    (
        r"(?:much |business |pretty much )?as usual|(?:the )?same (?:rhythm|pace|level) as (?:before|usual)|"
        r"(?:in line|on par|level) with your (?:own )?(?:usual|median|baseline|norm)|"
        r"(?:right )?on your (?:own )?median|"
        r"no (?:big |real )?change(?: here)?(?=\s*:)|(?:holding|keeping) (?:steady|pace|level)",
        "flat",
    ),
    (
        r"(?:a |one )?(?:nice|good|great|solid|strong|clear) improvements?|(?:a )?(?:big|good|nice|great|solid) win",
        "praise",
    ),
    (r"(?:a |one )?(?:possible |small )?gap(?: in the data)?(?=\s*:)|with a (?:grain|pinch) of salt", "caution"),
    (
        r"(?:a |one |the |this |another |your )?(?:deal|account) "
        r"(?:to|worth|that needs) (?:a |an |some |you|your )?(?:\w+ )?"
        r"(?:revive|revisit|review|check|call|nudge|look|plan|reopen|discuss|watch|raise|care|attention|time|visit|"
        r"touch|"
        r"call this week)",
        "deal",
    ),
    (r"(?:a|this|that|the|one|another) (?:deal|account)(?=\s*:)", "deal"),
    (r"(?:reach|reaching) out(?: to)?|(?:get|getting) (?:back )?in touch(?: with)?|set(?:ting)? up(?= a)", "action"),
    (
        r"give (?:it|them|this|her|him) (?:a|another) (?:quick |short |friendly )?"
        r"(?:call|ring|nudge|push|look|try|visit)",
        "action",
    ),
    (r"(?:a |the |your |one )?(?:first|next|main|key) priority(?=\s*[:,])", "action"),
    (r"(?:a |the |your |one )?top (?:priority|of (?:the|your|my|our) (?:list|agenda))", "action"),
    (r"one (?:quick |short )?(?:call|visit|chat) to (?:make|plan|book|set)", "action"),
    (
        r"(?:an? |one |your |the |suggested |possible )*(?:action|to-?do)s?(?: for (?:this|next|the) week)?(?=\s*:)",
        "action",
    ),
    (r"(?:a |the |your |one |suggested |possible )*(?:next|first) steps? with(?= ⟦D)", "action"),
    (
        r"(?:the )?(?:big|bigger|full|whole) picture|by the numbers|(?:a |one )?(?:quick |short )?snapshot(?=\s*:)",
        "any",
    ),
    (r"(?:just )?so you know|so far|that said|even so|at the same time|in addition|on the (?:flip|other) side", "any"),
    (r"according to (?:the|your|our) (?:data|numbers|figures|crm|snapshot)", "any"),
    (r"one (?:more )?(?:number|figure|highlight)(?= to |\s*:)", "any"),
    (r"so (?=(?:please|read|treat|take|handle|keep) )", "any"),
    (
        r"(?:a step|moving|heading|going) in the right direction|off to a (?:good|great|strong|solid|nice) start|"
        r"hats off|"
        r"on the (?:bright|plus|up) side|(?:the |some |first the )?good news(?: first)?|(?:nice|good|great) job",
        "praise",
    ),
    (r"low[- ]hanging fruit|a quick fix|(?:a |one )(?:small )?gap to (?:close|fill|look at)", "lack"),
    (r"(?:an? |one |the )?(?:closer|second|quick|short|careful|fresh|good|brief|first|last|little) look", "any"),
    (
        r"a (?:good|sensible|useful|natural|possible|sound) (?:first|next|opening|early) (?:call|move|step|"
        r"stop|port of call|task)",
        "action",
    ),
    (
        r"(?:a|one|your|the|another|suggested|possible) (?:suggested |possible |good |useful |clear |"
        r"simple |small |concrete |likely )?(?:next|first) (?:step|steps|move|action|call)(?=\s*:)",
        "action",
    ),
    (r"(?:next|first) (?:step|move|action|call)s?(?=\s*:)", "action"),
    (r"(?:an? |one |your |the |suggested |possible )*(?:action|actions|to-?do)(?=\s*:)", "action"),
    (
        r"(?:a |one )?(?:good|great|fine|easy|natural|sensible) (?:place|point|one|way|spot|deal|account|"
        r"thing) to (?:start|begin|look|pick up|call|open|review|check|discuss|talk about|raise)(?: with|"
        r" from| at)?",
        "any",
    ),
    (r"good to (?:know|note|see in context|keep in mind|bear in mind|remember)", "any"),
    (r"good (?:first|next|time)", "any"),
    (
        r"as well(?: as)?|by the way|for (?:now|context|background|reference|the record|information|"
        r"your information|what it's worth)|in (?:context|short|brief|view|mind|the meantime)|at a glance|"
        r"on (?:the )?(?:other|one) (?:hand|side|note)",
        "any",
    ),
    (
        r"of note|to (?:note|begin with|start with|round off|close|finish|sum up|wrap up)(?=\s*[:,])|"
        r"last(?:ly)?(?= thing)",
        "any",
    ),
    (
        r"one (?:more |other |last |final |small |quick |short )?(?:thing|caveat|point|note|idea|item|question|"
        r"thought|topic|place|spot|area|suggestion|reminder|option|detail|fact)",
        "any",
    ),
    (
        r"one (?:to (?:raise|discuss|review|check|look at|talk about|plan|pick up|start with|note|"
        r"keep in mind|keep an eye on))",
        "any",
    ),
    (r"one (?:to (?:watch|fix|chase|tidy up|sort out|nudge))", "lack"),
    (r"(?:a )?(?:first|second|final|last) (?:thing|point|note|look|idea|thought|topic|item|question)", "any"),
    (
        r"first (?:up|of all|off)|next up|up next|up for (?:review|discussion)|follow(?:ing)?[- ]up|"
        r"pick(?:ing)? (?:this |it |that )?up|bring(?:ing)? (?:this |it )?up|look(?:ing)? (?:this |"
        r"it )?(?:up|over|into)|start(?:ing)? (?:off|out)|heads[- ]up",
        "any",
    ),
    (
        r"(?:it|this) (?:would|could|might) be (?:good|great|nice|helpful|useful|wise|worthwhile) to",
        "any",
    ),
    (
        r"(?:worth )?tid(?:y|ying)(?: (?:this|it|these|them|things))?[- ]up(?: (?:this week|today)(?=\s*:))?|"
        r"there(?:['’]s| is) (?:some |still )?(?:room|scope|space)(?: to| for)?|"
        r"room to (?:tighten|tidy|clean|sort) (?:this|it|things|these) up|"
        r"clean(?:ing)?[- ]up|"
        r"catch(?:ing)?[- ]up|loose ends?|room (?:to improve|"
        r"for improvement|to grow|to move|for more)|worth (?:a )?(?:fix(?:ing)?|tidying|tidy)",
        "lack",
    ),
    (r"(?:a|one) gap to (?:close|fill)", "lack"),
    (
        r"keep (?:it|this|that) (?:up|going)|keep up the (?:good|great|nice) work|well done|good going|"
        r"nice going|good stuff|going well|went well(?=\s*:)|on the up|a (?:bright|high) spot|high(?:light|lights|"
        r" point)",
        "praise",
    ),
    (
        r"read(?:ing)? (?:this |these |it |them |the (?:numbers|figures|data) )?with (?:care|caution)|"
        r"handle with care|with (?:care|caution|that in mind|this in mind)|take (?:this |it |"
        r"these )?with (?:care|caution|a pinch of salt)",
        "any",
    ),
    (
        r"small (?:sample|numbers?|print|set)|early days|too (?:early|few|small) to (?:say|tell|judge|"
        r"read much into)|limited data",
        "caution",
    ),
    (r"(?:a |one )?(?:possible )?(?:data gap|gap in the data|data note|data check|sync note)(?=\s*:)", "caution"),
    (
        r"a (?:quiet|slow|calm|light|thin) (?:week|stretch|patch|spell|time|period)(?: in the (?:data|"
        r"numbers|record|records))?",
        "quiet",
    ),
    (
        r"what (?:would|could|might|can) (?:help|work|move|be)(?: you)?(?: (?:here|next|first|"
        r"a good next step))?",
        "any",
    ),
    (
        r"how (?:would|could|might|can) (?:you|we) (?:approach|take|handle|move|pick|plan|tackle|work|start|"
        r"open|use|follow)(?: (?:this|it|that))?(?: (?:up|on|forward|next|here))*",
        "any",
    ),
    (r"could (?:you|we) (?:take a look|look at|look into|check|talk about|discuss|review|plan)", "any"),
    (r"at least worth|the rest can wait", "any"),
    (
        r"step by step|in step|side by side|one by one|day to day|week in view|"
        r"the week in (?:short|brief|numbers|view|review)",
        "any",
    ),
    (r"(?:take|have|worth) (?:a )?(?:quick |closer |second |short |careful |fresh )?look", "any"),
    (r"on (?:your|the) (?:list|desk|plate|radar|table)", "any"),
    (r"let(?:'|’)s (?:look at|talk about|discuss|plan|pick|start with|open with)", "any"),
)
IDIOMS: Final[tuple[tuple[re.Pattern[str], lexicon.Licence], ...]] = tuple(
    (re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])", re.IGNORECASE), licence) for pattern, licence in _IDIOMS
)
"""Set phrases whose words would mean something else alone."""
