"""Names that are written in one way as a rule: everybody else's are spelled back.

The most frequent ones of the 2010 Census (surnames) and of the Social Security Administration's
lists (first names), without those of which several spellings are frequent (Brian, Catherine, Reid).
"""

from __future__ import annotations

from typing import Final

COMMON_NAMES: Final = frozenset(
    # Surnames.
    "smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez "
    "gonzalez wilson anderson thomas taylor moore jackson martin lee perez thompson white harris "
    "sanchez ramirez lewis robinson walker young allen king wright scott torres "
    "nguyen hill flores green adams nelson baker hall rivera campbell mitchell carter roberts "
    "gomez phillips evans turner diaz parker cruz edwards collins reyes stewart morris morales "
    "murphy cook rogers gutierrez ortiz morgan cooper peterson bailey kelly howard ramos kim cox "
    "ward richardson watson brooks chavez wood bennett mendoza ruiz hughes price "
    "alvarez castillo sanders patel myers long ross foster jimenez powell jenkins perry russell "
    "sullivan bell coleman butler henderson barnes gonzales fisher vasquez simmons romero jordan "
    "patterson alexander hamilton graham wallace griffin west cole hayes bryant herrera "
    "gibson ellis tran medina stevens murray ford castro marshall owens harrison "
    "fernandez mcdonald woods washington kennedy wells vargas henry chen freeman webb tucker "
    "guzman burns crawford olson simpson porter hunter gordon mendez silva shaw snyder mason munoz "
    "hunt hicks holmes palmer black robertson boyd rose stone salazar fox warren mills "
    "meyer rice garza daniels ferguson nichols weaver ryan spencer gardner payne grant dunn "
    # First names.
    "james robert john michael david william richard joseph christopher charles daniel "
    "anthony mark donald andrew paul joshua kenneth kevin george timothy ronald edward "
    "jason ryan jacob gary nicholas stephanie larry justin benjamin samuel "
    "frank gregory raymond alexander patrick jack dennis jerry tyler jose adam nathan "
    "douglas zachary peter walter noah ethan jeremy carl roger arthur lawrence "
    "jesse austin albert bruce willie gabriel joe billy logan alan juan wayne roy ralph randy "
    "eugene vincent russell louis philip bobby johnny bradley luis carlos jorge manuel miguel "
    "mary patricia jennifer linda elizabeth barbara susan jessica karen nancy lisa betty margaret "
    "sandra ashley kimberly emily donna carol amanda melissa deborah dorothy "
    "sharon laura amy angela emma pamela nicole samantha katherine christine "
    "helen rachel carolyn janet virginia maria heather diane olivia julie victoria "
    "kelly lauren christina evelyn judith andrea alice martha jacqueline "
    "gloria ann rose grace judy abigail denise marilyn amber danielle brittany diana "
    "jane sophia alexis doris julia kayla frances rosa ada robin otto dana maya".split()
)


def is_common(name: str) -> bool:
    """Whether every word of a name is one that is written in one way."""
    return all(word in COMMON_NAMES for word in name.casefold().split())


def has_common(name: str) -> bool:
    """Whether one of its words is."""
    return any(word in COMMON_NAMES for word in name.casefold().split())
