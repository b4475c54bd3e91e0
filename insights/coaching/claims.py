"""Names for what a note must not claim: cause, rank, peers, promises, character, health, shame.

Words outside the allow-list are refused whether or not they are named here; these patterns say why. Those of `ALWAYS`
are refused though each of their words may be allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final


def _any(*stems: str) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(stems) + r")\b", re.IGNORECASE)


NAMED: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("CAUSAL", _any(
        r"becaus\w*", "cos", "cause[sd]?", "causing", "since", "due to(?! close)", r"thanks to", "owing",
        "therefore", "thus", "hence",
        "consequently", r"result\w*", r"reason\w*", "why", "led", "leads? to", "leading to", r"dr[io]ve[ns]?",
        "driving", r"drove", r"explain\w*",
        "means?", "meaning", "so", "as", r"stem\w*", r"contribut\w*", r"help(?:ed|ing)", "hurt(?:s|ing)?",
        r"cost(?:s|ing)?", r"trigger\w*", "owed",
        r"attribut\w*", "after", r"following", "behind this", r"spark\w*", r"fuel\w*", r"produc\w*",
        r"yield\w*", "paid off", "pays off", "pay off",
        "root", "culprit", r"fault", r"responsible", r"effect\w*", r"impact\w*", r"influenc\w*",
        "through your", "by (?:skipping|not|doing|making|being|failing)",
        "consequence", r"blam\w*", r"down to your", "credit to", "hinder(?:s|ed|ing)?", r"hamper\w*",
        r"prevent\w*", "made it", "makes it")),
    ("SUPERLATIVE", _any(
        "best", "worst", "most", "least", "top", "topmost", "highest", "lowest", "first-rate", "number one",
        "no 1", "unmatched", "unrivall?ed",
        "unbeaten", "unbeatable", "record", "leading", "leader", r"champion\w*", r"star\w*", "hero",
        r"exceptional\w*", r"outstanding\w*",
        r"excellen\w*", r"amazing\w*", r"incredib\w*", r"perfect\w*", "ever", "never", "always",
        r"extraordinar\w*", r"phenomenal\w*", r"superb\w*",
        r"fantastic\w*", r"brilliant\w*", "stellar", r"spectacular\w*", r"remarkabl\w*", r"unprecedented\w*",
        "peak", "ultimate", "elite",
        "world-class", "second to none", r"wonderful\w*", r"terrific\w*", "massive", "huge", r"\w{3,}est")),
    ("PEER_COMPARISON", _any(
        r"colleague\w*", r"peers?", "teams?", r"team-?mates?", r"co-?workers?", "others?", "other reps?",
        "everyone", "everybody", "anyone",
        "anybody", r"rank\w*", r"leader-?board\w*", "reps?", "rest", "somebody", "someone", "the average",
        "company", "department", r"benchmark\w*", r"unlike",
        r"outperform\w*", r"out-?sell\w*", r"out-?sold", "ahead of", "behind", r"compared (?:to|with)",
        "than (?:most|any|the|your)", r"competi\w*",
        r"salespe\w*", "sellers?", "group", "pack", "field", "crowd", "floor", "office", "desk-mates?",
        "league", "table", "place[ds]?", "percentile",
        r"quartile", r"decile", r"comparison\w*", "fellow", "they", "their", "counterparts?", "cohort",
        "bunch", "people")),
    ("FORECAST_PROMISE", _any(
        "will", r"\w+'ll", "won't", "shall", r"guarantee\w*", r"promis\w*", r"expect\w*", r"forecast\w*",
        r"predict\w*", "likely", "unlikely",
        r"probab\w*", r"sure\w*", r"certain\w*", "going to", "gonna", "on track", "on course", "set to",
        "bound to", r"project(?:ed|ion|ions)",
        "would", "could", "should", "may", "might", "must", r"anticipat\w*", "future", r"upcoming", "soon",
        "about to", r"destined", r"inevitab\w*",
        "if you", "means you", r"pledge\w*", r"assur\w*", r"ensur\w*", "close in time", r"secure\w*", "bonus",
        r"promot\w*", "by then", r"headed", r"heading",
        "in the bag", r"lock\w* in", "within reach", "hit your", r"reach your", "will close", "no doubt",
        r"doubtless", "undoubtedly", r"definite\w*",
        "potential", r"poised", "shortly", "a matter of time", "tomorrow")),
    ("TONE", _any(
        r"lazy\w*", r"laz\w*", r"slack\w*", r"fail\w*", r"poor\w*", "bad", "badly", r"weak\w*",
        r"disappoint\w*", r"unaccept\w*", r"embarrass\w*",
        r"sham\w*", r"asham\w*", r"stupid\w*", r"careless\w*", r"slopp\w*", r"neglect\w*", r"ignor\w*",
        r"excuse\w*", r"blam\w*", "must", "should",
        "ought", r"warn\w*", r"fire[ds]?", "firing", r"terminat\w*", r"disciplin\w*", "pip", r"sack\w*",
        r"dismiss\w*", r"incompeten\w*", r"useless\w*",
        r"terribl\w*", r"awful\w*", r"horribl\w*", r"pathetic\w*", r"inadequa\w*", r"unprofession\w*",
        r"disgrac\w*", r"dreadful\w*", r"lousy",
        r"mediocr\w*", r"unreliab\w*", r"irresponsib\w*", r"negligen\w*", r"inexcusab\w*", r"ridicul\w*",
        r"letting", "let down", r"wast\w*", r"idle\w*",
        r"forgot\w*", r"forget\w*", "wake", r"sloth\w*", r"complacen\w*", "again", "yet again", "once again",
        r"only", "just", "merely", "barely", "hardly", r"serious\w*", r"urgent\w*",
        r"disast\w*", r"problem\w*", "mess", r"dropped the ball", r"left", r"abandon\w*", r"unlike",
        r"threat\w*", "or else", "consequences", r"punish\w*",
        r"penal\w*", r"talent\w*", r"gifted", r"born", "natural", r"attitude\w*", r"motivat\w*",
        r"personalit\w*", r"character\w*", r"smart\w*", r"clever\w*",
        r"genius", r"confiden\w*", r"passion\w*", r"ambiti\w*", r"hungry", r"dedicat\w*",
        r"commit(?:ted|ment)", r"hard-?work\w*", r"lack of", "effort", r"rockstar",
        "performer", r"performance", r"struggl\w*", r"unfocus\w*", r"distract\w*", r"disorgani\w*", r"passive",
        "timid", r"shy", r"aggressive\w*", r"stubborn\w*",
        r"difficult", r"care", "clearly", "obviously", "honestly", "come on", "shape up", "pull your",
        "step it up", "get a grip", r"underperform\w*", r"underachiev\w*", "job", "expected better")),
    ("SENSITIVE", _any(
        r"sick\w*", r"ill", r"illness\w*", r"burn\w*", r"depress\w*", r"stress\w*", r"anxi\w*", r"pregnan\w*",
        r"medic\w*", r"tired\w*", r"exhaust\w*",
        r"mental\w*", "leave", r"therap\w*", r"famil\w*", r"divorc\w*", "age", "old", r"older", "younger",
        "young", r"religi\w*", r"relig\w*", r"health\w*", r"doctor\w*",
        r"hospital\w*", r"disab\w*", r"diagnos\w*", "adhd", "autis\\w*", r"alcohol\w*", r"drink\w*",
        r"drug\w*", r"hangover\w*", r"maternity", r"paternity",
        r"parent\w*", r"child\w*", "kids?", "baby", "wife", "husband", "spouse", "partner", "mother", "father",
        "gender", "woman", "women", "man", "men",
        r"race", r"ethnic\w*", r"national\w*", r"immigra\w*", r"union\w*", r"politic\w*", r"sexual\w*", r"gay",
        r"lesbian", "mood", r"emotion\w*", r"feel\w*",
        "happy", "unhappy", "sad", r"angr\w*", r"upset\w*", r"frustrat\w*", r"worr\w*", r"overwhelm\w*",
        r"salar\w*", r"wage\w*", "pay", r"compensation",
        r"hr", r"human resources", r"visa", r"vacation\w*", r"holiday\w*", r"absen\w*", r"weight", "injur\\w*",
        r"surger\w*", r"pain\w*", r"fatigue\w*", r"sleep\w*",
        r"retire\w*", r"termin\w*", r"fired", r"resign\w*", r"quit\w*", "probation", r"moral\w*",
        r"menopaus\w*", "church", "mosque", "caregiver", r"bereave\w*",
        r"grie[fv]\w*", "funeral", r"bankrupt\w*", "debt", r"convict\w*", r"criminal\w*", "wellbeing",
        "well-being", "break", "rest")),
    ("INJECTION_OR_MARKUP", _any(
        r"ignor\w* (?:all |the |any )?(?:previous|above|prior)", r"instruction\w*", r"system prompt",
        r"prompt\w*", r"override\w*", r"obey\w*", "assistant",
        r"click\w*", r"as requested", "developer mode", r"jailbreak\w*", r"password\w*", r"secret\w*",
        r"token\w*", "api", r"json", r"html", r"script\w*", "canary",
        r"previous instructions", r"disregard\w*", "accepted")),
    ("POLARITY", _any(r"untrue", r"false\w*", r"wrong\w*", r"incorrect\w*", r"mistaken\w*", r"opposite",
    r"contrary", r"although", r"despite", r"supposed\w*", r"alleged\w*",
                      r"every", "all", "none", "nobody", "nothing", "fully", r"complete\w*", r"entire\w*",
                      "under control", "in place", "in order", "up to date", "sorted", "fine", "perfect")),
    ("NUM_UNSUPPORTED", _any(r"about", r"around", r"roughly", r"nearly", r"almost", r"over", r"more than",
    r"less than", r"approximate\w*", "total", "sum", "combined", "altogether",
                             "difference", "average", "share", "portion", "part", r"half", "most", "majority",
                             "ratio", "proportion", "rate")),
)  # fmt: skip
"""Codes for refused words. A word may have several."""

ALWAYS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("TONE",
    _any(r"you (?:clearly |really |do |still |just )*(?:need|have) (?:to|help|work|care|attention|focus)",
    r"need to (?:work|focus|start|get|move|try)", r"you need",
                  r"try (?:and |to )?(?:work|focus|care|keep up)", r"think again",
                  r"take (?:some |a )?(?:time off|break|rest)", r"get (?:going|moving|on with it|to work)",
                  r"start working", r"work (?:at all|more|faster)", r"please (?:work|start working|care)",
                  "take care of yourself", "keep up with")),
    ("CAUSAL", _any(r"thanks to",
    r"(?:that|this|which|it)(?:'s| is| was)? (?:how|what) (?:helps?|helped|made|makes|gives?|gave|moves?|keeps?)",
    r"that(?:'s| is) how", "so that",
                    r"helps? (?:to )?(?:keep|move|get|make|find|give|start|build|bring)",
                    r"(?:makes?|making) for", r"comes? (?:from|with|of)",
                    r"(?:gives?|brings?|makes?) (?:you|it|this|these|them)")),
    ("PEER_COMPARISON", _any(r"(?:like|than|with|as|from|to) (?:them|they|their|others)",
    r"their (?:own|work|week|list|numbers|figures)", r"they (?:do|are|have)",
    "above the (?:line|list|board|page|desk)",
                             r"top of (?:the|our)", "ahead of", "of us", "like us")),
    ("FORECAST_PROMISE", _any("on (?:track|course) (?:to|for)", r"going to", r"it could be yours",
    "could be yours", "within reach", "as good as (?:done|yours|in)", "ready to (?:go|move)")),
    ("POLARITY", _any(r"all (?:good|well|fine|set|clear|done)", "good as (?:is|it is)", r"as good as")),
)  # fmt: skip
"""Refused though each word may be allowed."""


def named(refused: str) -> set[str]:
    """Codes for what a refused stretch of text claims. Empty where no pattern fits."""
    return {code for code, pattern in NAMED if pattern.search(refused)}


def always(text: str) -> Iterator[str]:
    """Codes of set phrases that no note may hold."""
    yield from (code for code, pattern in ALWAYS if pattern.search(text))
