"""Names for what a note must not claim: cause, rank, peers, promises, character, health, shame.

Words outside the allow-list are refused whether or not they are named here; these patterns say why. Those of `ALWAYS`
are refused though each of their words may be allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final


def _patterns(**rows: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Codes with their patterns, each a list of whole words or phrases between semicolons."""
    return tuple((code, _whole([one.strip() for one in row.split(";")])) for code, row in rows.items())


def _whole(stems: list[str]) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(stems) + r")\b", re.IGNORECASE)


NAMED: Final = _patterns(
    CAUSAL=r"""
        becaus\w*; cos; cause[sd]?; causing; since; due to(?! close); thanks to; owing; therefore; thus; hence;
        consequently; result\w*; reason\w*; why; led; leads? to; leading to; dr[io]ve[ns]?; driving; drove;
        explain\w*; means?; meaning; so; as; stem\w*; contribut\w*; help(?:ed|ing); hurt(?:s|ing)?;
        cost(?:s|ing)?; trigger\w*; owed; attribut\w*; after; following; behind this; spark\w*; fuel\w*;
        produc\w*; yield\w*; paid off; pays off; pay off; root; culprit; fault; responsible; effect\w*;
        impact\w*; influenc\w*; through your; by (?:skipping|not|doing|making|being|failing); consequence;
        blam\w*; down to your; credit to; hinder(?:s|ed|ing)?; hamper\w*; prevent\w*; made it; makes it
    """,
    SUPERLATIVE=r"""
        best; worst; most; least; top; topmost; highest; lowest; first-rate; number one; no 1; unmatched;
        unrivall?ed; unbeaten; unbeatable; record; leading; leader; champion\w*; hero;
        (?:super|rock)?stars?; exceptional\w*;
        outstanding\w*; excellen\w*; amazing\w*; incredib\w*; perfect\w*; ever; never; always; extraordinar\w*;
        phenomenal\w*; superb\w*; fantastic\w*; brilliant\w*; stellar; spectacular\w*; remarkabl\w*;
        unprecedented\w*; peak; ultimate; elite; world-class; second to none; wonderful\w*; terrific\w*;
        massive; huge; \w{3,}est
    """,
    PEER_COMPARISON=r"""
        colleague\w*; peers?; teams?; team-?mates?; co-?workers?; others?; other reps?; everyone; everybody;
        anyone; anybody; rank\w*; leader-?board\w*; reps?; rest; somebody; someone; the average; company;
        department; benchmark\w*; unlike; outperform\w*; out-?sell\w*; out-?sold; ahead of; behind;
        compared (?:to|with); than (?:most|any|the|your); competi\w*; salespe\w*; sellers?; group; pack; field;
        crowd; floor; office; desk-mates?; league; table; place[ds]?; percentile; quartile; decile;
        comparison\w*; fellow; they; their; counterparts?; cohort; bunch; people
    """,
    FORECAST_PROMISE=r"""
        will; \w+'ll; won't; shall; guarantee\w*; promis\w*; expect\w*; forecast\w*; predict\w*; likely;
        unlikely; probab\w*; sure\w*; certain\w*; going to; gonna; on track; on course; set to; bound to;
        project(?:ed|ion|ions); would; could; should; may; might; must; anticipat\w*; future; upcoming; soon;
        about to; destined; inevitab\w*; if you; means you; pledge\w*; assur\w*; ensur\w*; close in time;
        secure\w*; bonus; promot\w*; by then; headed; heading; in the bag; lock\w* in; within reach; hit your;
        reach your; will close; no doubt; doubtless; undoubtedly; definite\w*; potential; poised; shortly;
        a matter of time; tomorrow
    """,
    TONE=r"""
        lazy\w*; laz\w*; slack\w*; fail\w*; poor\w*; bad; badly; weak\w*; disappoint\w*; unaccept\w*;
        embarrass\w*; sham\w*; asham\w*; stupid\w*; careless\w*; slopp\w*; neglect\w*; ignor\w*; excuse\w*;
        blam\w*; must; should; ought; warn\w*; fire[ds]?; firing; terminat\w*; disciplin\w*; pip; sack\w*;
        dismiss\w*; incompeten\w*; useless\w*; terribl\w*; awful\w*; horribl\w*; pathetic\w*; inadequa\w*;
        unprofession\w*; disgrac\w*; dreadful\w*; lousy; mediocr\w*; unreliab\w*; irresponsib\w*; negligen\w*;
        inexcusab\w*; ridicul\w*; letting; let down; wast\w*; idle\w*; forgot\w*; forget\w*; wake; sloth\w*;
        complacen\w*; again; yet again; once again; only; just; merely; barely; hardly; serious\w*; urgent\w*;
        disast\w*; problem\w*; mess; dropped the ball; left; abandon\w*; unlike; threat\w*; or else;
        consequences; punish\w*; penal\w*; talent\w*; gifted; born; natural; attitude\w*; (?:un|de)?motivat\w*;
        personalit\w*; character\w*; smart\w*; clever\w*; genius; confiden\w*; passion\w*; ambiti\w*; hungry;
        dedicat\w*; commit(?:ted|ment); hard-?work\w*; lack of; effort; rockstar; performer; performance;
        struggl\w*; unfocus\w*; distract\w*; disorgani\w*; passive; timid; shy; aggressive\w*; stubborn\w*;
        difficult; care; clearly; obviously; honestly; come on; shape up; pull your; step it up; get a grip;
        underperform\w*; underachiev\w*; job; expected better
    """,
    SENSITIVE=r"""
        sick\w*; ill; illness\w*; burn\w*; depress\w*; stress\w*; anxi\w*; pregnan\w*; medic\w*; tired\w*;
        exhaust\w*; mental\w*; leave; therap\w*; famil\w*; divorc\w*; age; old; older; younger; young;
        religi\w*; relig\w*; health\w*; doctor\w*; hospital\w*; disab\w*; diagnos\w*; adhd; autis\w*;
        alcohol\w*; drink\w*; drug\w*; hangover\w*; maternity; paternity; parent\w*; child\w*; kids?; baby;
        wife; husband; spouse; partner; mother; father; gender; woman; women; man; men; race; ethnic\w*;
        national\w*; immigra\w*; union\w*; politic\w*; sexual\w*; gay; lesbian; mood; emotion\w*; feel\w*;
        happy; unhappy; sad; angr\w*; upset\w*; frustrat\w*; worr\w*; overwhelm\w*; salar\w*; wage\w*; pay;
        compensation; hr; human resources; visa; vacation\w*; holiday\w*; absen\w*; weight; injur\w*;
        surger\w*; pain\w*; fatigue\w*; sleep\w*; retire\w*; termin\w*; fired; resign\w*; quit\w*; probation;
        moral\w*; menopaus\w*; church; mosque; caregiver; bereave\w*; grie[fv]\w*; funeral; bankrupt\w*; debt;
        convict\w*; criminal\w*; wellbeing; well-being; break; rest
    """,
    INJECTION_OR_MARKUP=r"""
        ignor\w* (?:all |the |any )?(?:previous|above|prior); instruction\w*; system prompt; prompt\w*;
        override\w*; obey\w*; assistant; click\w*; as requested; developer mode; jailbreak\w*; password\w*;
        secret\w*; token\w*; api; json; html; script\w*; canary; previous instructions; disregard\w*; accepted
    """,
    POLARITY=r"""
        untrue; false\w*; wrong\w*; incorrect\w*; mistaken\w*; opposite; contrary; although; despite;
        supposed\w*; alleged\w*; every; all; none; nobody; nothing; fully; complete\w*; entire\w*;
        under control; in place; in order; up to date; sorted; fine; perfect
    """,
    NUM_UNSUPPORTED=r"""
        about; around; roughly; nearly; almost; over; more than; less than; approximate\w*; total; sum;
        combined; altogether; difference; average; share; every; all; portion; part; half; most; majority; ratio;
        proportion; rate
    """,
)
"""Codes for refused words. A word may have several."""

ALWAYS: Final = _patterns(
    TONE=r"""
        you (?:clearly |really |do |still |just )*(?:need|have) (?:to|help|work|care|attention|focus);
        need to (?:work|focus|start|get|move|try); you need; try (?:and |to )?(?:work|focus|care|keep up);
        think again; take (?:some |a )?(?:time off|break|rest); get (?:going|moving|on with it|to work);
        start working; work (?:at all|more|faster); please (?:work|start working|care); take care of yourself;
        keep up with;
        you(?:'re|’re| are| were|'ve been| have been)(?: always| really| so| such| too| very| just)* an?\b;
        you (?:always |really )?(?:seem|look|sound|feel|act|appear)\b; on you; you let; come on;
        (?:do|be|try) (?:better|harder|more); take it easy; are you\b;
        you(?:'re|’re| are)(?: all| very| doing| going)? (?:good|great|well|fine|strong|solid|ok|okay);
        could do with(?! a (?:look|call|plan|check|tidy))
    """,
    FORECAST_PROMISE=r"""
        (?:th\w{2,3}|it|which) (?:can|could|might|would) (?!help|use|do with|work|wait|be (?:worth|useful|good|a)\b)\w+;
        you (?:can|could|might|would) (?:be(?! (?:pleased|proud|happy|glad)\b)|have|win|gain|make it|get it|hit|reach);
        you (?:can|could|might|would) land;
        (?:is|are|'s|’s) (?:set|ready|about|bound) to; on (?:track|course) (?:to|for); going to;
        it could be yours; could be yours; within reach; as good as (?:done|yours|in); ready to (?:go|move)
    """,
    CAUSAL=r"""
        thanks to;
        (?:that|this|which|it)(?:'s| is| was)? (?:how|what) (?:helps?|helped|made|makes|gives?|gave|moves?|keeps?);
        that(?:'s| is) how; so that; helps? (?:to )?(?:keep|move|get|make|find|give|start|build|bring);
        (?:makes?|making) for; comes? (?:from|with|of);
        (?:gives|gave|brings|brought|makes|made) (?:you|it|this|these|them)
    """,
    PEER_COMPARISON=r"""
        (?:like|than|with|as|from|to) (?:them|they|their|others);
        than (?:the )?(?:rest|most|any\w*); their (?:own|work|week|list|numbers|figures);
        they (?:do|are|have); above the (?:line|list|board|page|desk); top of (?:the|our); ahead of; of us;
        like us
    """,
    POLARITY=r"""
        all (?:good|well|fine|set|clear|done); good as (?:is|it is); as good as
    """,
)
"""Refused though each word may be allowed."""


def named(refused: str) -> set[str]:
    """Codes for what a refused stretch of text claims. Empty where no pattern fits."""
    return {code for code, pattern in NAMED if pattern.search(refused)}


def always(text: str) -> Iterator[str]:
    """Codes of set phrases that no note may hold."""
    yield from (code for code, pattern in ALWAYS if pattern.search(text))
