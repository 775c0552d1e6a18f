"""Words by which a wish is found (`telltales`) though nobody wants it: they are left out before."""

from __future__ import annotations

NOT_MEANT: dict[str, str] = {
    "danger": (
        r"\b(no|not|isnt|doesnt|dont|never|without|stopped|any) (longer |more )?(smell\w*|smok\w+"
        r"|leak\w*|overheat\w*)( gas| fuel)?( anymore)?|\bno smoking\b|\bsmoke a\b|\bcigarette\w*"
        r"|\bsmog\b|\bsmoke free\b"
    ),
    "language": r"\bspanish (street|fork|avenue|lake)\b|\bcuanto lane\b",
    "cancel": (
        r"\b(dont|do not|not|didnt|never|wont)( want to| need to| mean to)? cancel\w*"
        r"|\b(confirm|cancellation policy|cancellation fee)\b|\bcancel(led|ed)\b"
    ),
    "opt_out": r"\b(dont|do not)( forget to)? call me (before|until|at work|between|at)\b|\bstop "
    r"(by|in)\b",
    "person": (
        r"\b(no|not|dont want|dont need|without|arent)( \w+)? (a )?(person|human|agent"
        r"|representative)\b"
        r"|\b(not|dont|do not|never|rather not)( \w+)? (connect|transfer|forward|put|pass"
        r"|transferred) ?(me|my)?\b|\bnot be transferred\b|\bcall me\b"
    ),
    "recall": r"\b(dont|cant|do not|cannot|i|as i|if i|not) recall\b",
    "tow": (
        r"\b(no|not|dont need)( a| to be)? tow\w*|\btow (hitch|package|bar)|\btrailer\b"
        r"|\btowing hitch\b"
    ),
    "complaint": r"\b(not|no|never|dont)( \w+)? (complain\w*|upset|mad|angry)\b|\bcant complain\b",
    "late": r"\b(too|how|as|open|of|until|stay\w*) late\b|\blate (model|morning|afternoon|evening"
    r"|in)\b|\bsorry (im|i am|to be|for being) (\w+ )?late\b",
    "repair": r"\bto (have|get) (my|the|it|this)\b|\bready to\b|\bwhile its? (is )?being \w+\b"
    r"|\bwhen im (done|ready)\b|\bget (it"
    r"|this|that) (done|fixed)\b|\b(want|need|like)( \w+){0,4} (fixed|done|repaired)\b",
    "cannot_come": r"\bwhy cant\b",
    "sales": r"\b(sales tax|for sale by)\b",
    "billing": r"\b(my name is|this is|im) bill\b|\bbill (smith|jones)\b",
    "when": r"\bwhen (can|could|may|should) i\b",
    "address": r"\b(e ?mail|my) address\b|\bwhere is my\b|\bwhere (are|is) (my|the (car|truck))\b",
    "waiting_room": r"\bcant wait\b",
    "hours": r"\b(hours?|window|door|trunk|hood)( \w+)? (wont|doesnt|does not|cant)( \w+)? open\b"
    r"|\b(anything|something|slots?|times?|you have) open\b",
    "prices": r"\bsouth\b",
    "done": r"\bnever ?mind (the|that)\b",
    "move": r"\bchange (my|the)( \w+)* (oil|tires?|battery|brakes?|pads|filter|wipers)\b(?! "
    r"(change )?(appointment|to))",
}
