"""Which car a caller means: one of theirs, or one they describe by year, make and model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.receptionist.understanding.choices import choose_place
from sandbox.receptionist.understanding.words import close, closest, numbers, tokens


def choose_vehicle(text: str, descriptions: Sequence[str], *, by_place: bool = True) -> int | None:
    """Which vehicle is meant: by make, model or year, or by its place in the list."""
    heard = tokens(text)
    scores = []
    for description in descriptions:
        words = tokens(description)
        said = {number.digits for number in numbers(heard)} | set(heard)
        hits = sum(word in said for word in words if word.isdigit())
        hits += sum(
            2 for word in words if not word.isdigit() and any(close(h, word) for h in heard)
        )
        scores.append(hits)
    best = max(scores, default=0)
    if best >= 2 or (best and by_place):
        winners = [at for at, score in enumerate(scores) if score == best]
        if len(winners) == 1:
            return winners[0]
    return choose_place(text, len(descriptions)) if by_place else None


_MODELS: dict[str, str] = {
    "Honda": "Civic, Accord, CR-V, Pilot, Odyssey, Fit, HR-V, Ridgeline, Passport, Insight, "
    "Element",
    "Toyota": "Camry, Corolla, RAV4, Highlander, Prius, Tacoma, Tundra, Sienna, 4Runner, "
    "Avalon, Yaris",
    "Ford": "F-150, F-250, F-350, Escape, Explorer, Focus, Fusion, Mustang, Edge, Bronco, "
    "Expedition, Ranger, Taurus, Transit, Fiesta, Flex",
    "Chevrolet": "Silverado, Malibu, Equinox, Tahoe, Impala, Cruze, Traverse, Suburban, "
    "Trax, Camaro, Colorado, Blazer, Bolt, Corvette, Volt, Spark",
    "Nissan": "Altima, Rogue, Sentra, Pathfinder, Maxima, Leaf, Murano, Frontier, Versa, "
    "Armada, Kicks",
    "Hyundai": "Elantra, Sonata, Tucson, Kona, Palisade, Santa Fe, Accent, Venue, Ioniq",
    "Kia": "Sorento, Sportage, Optima, Soul, Telluride, Forte, Rio, Carnival, Sedona, "
    "Seltos, Stinger",
    "Subaru": "Outback, Forester, Impreza, Crosstrek, Legacy, Ascent, WRX",
    "Mazda": "Mazda3, CX-5, Mazda6, CX-30, CX-9, CX-50, CX-90, Miata",
    "Volkswagen": "Jetta, Golf, Passat, Tiguan, Atlas, Beetle, Taos, ID.4",
    "Jeep": "Grand Cherokee, Wrangler, Cherokee, Compass, Renegade, Gladiator, Liberty, Patriot",
    "GMC": "Sierra, Terrain, Acadia, Yukon, Canyon",
    "Ram": "1500, 2500, 3500, ProMaster",
    "Dodge": "Charger, Durango, Challenger, Grand Caravan, Caravan, Journey, Dart, Avenger",
    "Chrysler": "Town and Country, Pacifica, 300, 200, Voyager",
    "Buick": "Encore, Enclave, Envision, LaCrosse, Regal",
    "Cadillac": "Escalade, CTS, XT5, SRX, ATS",
    "Lexus": "RX 350, ES 350, NX, GX 460, IS 250, RX, ES",
    "Acura": "MDX, TLX, RDX, TSX, ILX, Integra",
    "Infiniti": "Q50, QX60, G35, FX35",
    "BMW": "X1, X3, X5, X7, 3 Series, 5 Series, 7 Series, M3, M5, i4",
    "Mercedes-Benz": "C-Class, E-Class, S-Class, GLC, GLE, GLA",
    "Audi": "A3, A4, A6, Q3, Q5, Q7",
    "Tesla": "Model 3, Model Y, Model S, Model X, Cybertruck",
    "Volvo": "XC40, XC60, XC90, S60, V60",
    "Mitsubishi": "Outlander, Eclipse, Lancer, Mirage",
    "Mini": "Cooper, Countryman, Clubman",
    "Lincoln": "Navigator, MKZ, Nautilus, Aviator, Corsair",
    "Porsche": "Cayenne, Macan, 911, Panamera",
    "Land Rover": "Range Rover, Discovery, Defender",
}
_BY_MAKE = {make: tuple(models.split(", ")) for make, models in _MODELS.items()}
_MAKE_NAMES = {
    "chevy": "Chevrolet", "vw": "Volkswagen", "volks": "Volkswagen", "toyoda": "Toyota",
    "hondo": "Honda",
    "beemer": "BMW", "mercedes": "Mercedes-Benz", "benz": "Mercedes-Benz", "caddy": "Cadillac",
    "jeeps": "Jeep", "land": "Land Rover", "infinity": "Infiniti", "you 'n die": "Hyundai",
}  # fmt: skip
_NO_MODEL = frozenset(
    "my name is its it this the a an im i am and with yes yeah sure ok okay no hi hello here um uh "
    "well "
    "so please thanks thank for that thats are not what sorry on new nineteen twenty two thousand "
    "year from "
    "car truck vehicle suv van motor motors company one in of to at model make made by was were "
    "has have "
    "needs need just by the way too also dealer service department".split()
)
_CORRECTION = re.compile(r"\b(?:no|sorry|i mean|i meant|actually|wait|correction|not)\b")
_LETTERS = {
    "see": "c", "sea": "c", "our": "r", "are": "r", "vee": "v", "ex": "x", "why": "y", "bee": "b",
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "nine": "9",
    "fifteen": "15", "thirty": "30", "fifty": "50", "ninety": "90", "hundred": "00",
}  # fmt: skip
"""Letters and digits of a model's name, as a recogniser hears them."""


@dataclass(frozen=True, slots=True)
class Car:
    """A car as far as it was said; `words` are the caller's."""

    words: str = ""
    year: int | None = None
    make: str | None = None
    model: str | None = None

    @property
    def is_whole(self) -> bool:
        return bool(self.year and self.make and self.model)

    def with_more(self, said: Car) -> Car:
        """What is known after `said`: a model of another make does not stay."""
        is_other = bool(said.make and self.make and said.make != self.make)
        model = said.model or (None if is_other else self.model)
        words = ", ".join(filter(None, (self.words, said.words)))
        return Car(words, said.year or self.year, said.make or self.make, model)


def read_car(text: str, latest_year: int) -> Car:
    """The car in `text`: "a twenty nineteen Honda Civic"; "a 2020, no, a 2021" is a 2021."""
    car = Car()
    for piece in _CORRECTION.split(re.sub(r"\b(\d) thousand\b", r"\g<1>000", text.lower())):
        car = car.with_more(_car_in(tokens(piece), latest_year))
    return Car(text.strip() if car != Car() else "", car.year, car.make, car.model)


def _car_in(heard: list[str], latest_year: int) -> Car:
    make, at = _make(heard)
    model, found_make = _known_model(heard, make)
    make = make or found_make
    year = _model_year(heard, latest_year)
    if year is None and make:
        named = {make.lower(), *_MAKE_NAMES, *tokens(model or "")}
        first = next((place for place, word in enumerate(heard) if word in named), at)
        year = _short_year(heard[:first], latest_year) if first else None
    if make == "Dodge" and "ram" in heard:
        make, model = "Ram", _known_model(heard, "Ram")[0]
    if make and not model and at is not None:
        following = next((word for word in heard[at + 1 :]), "")
        if following.isalpha() and len(following) > 2 and following not in _NO_MODEL:
            model = following.capitalize()
    return Car("", year, make, model)


def _model_year(heard: list[str], latest_year: int) -> int | None:
    found = numbers(heard)
    for at, number in enumerate(found):
        joined, last = "", -1
        for part in found[at : at + 4]:
            if joined and part.first != last + 1:
                break
            joined, last = joined + part.digits, part.last
            if len(joined) >= 4:
                break
        if len(joined) != 4 or not 1950 <= int(joined) <= latest_year + 1:
            continue
        after = next((part for part in found if part.first == last + 1), None)
        if (
            after
            and len(after.digits) == 1
            and joined.endswith("0")
            and number.digits != joined[:1]
        ):
            # "2020 1" is how a recogniser writes "twenty twenty one".
            fuller = int(joined) + int(after.digits)
            return fuller if fuller <= latest_year + 1 else int(joined)
        return int(joined)
    return None


def _short_year(before: list[str], latest_year: int) -> int | None:
    """Two digits right before the make or the model: "an oh nine Chevy", "a 15 Camry"."""
    ahead = [*before]
    while ahead and ahead[-1] in {"chevy", "chevrolet"}:
        ahead.pop()
    found = [number for number in numbers(ahead) if number.last >= len(ahead) - 2]
    if not found or found[-1].last != len(ahead) - 1:
        return None
    digits = "".join(number.digits for number in found)
    if len(digits) != 2:
        return None
    return 2000 + int(digits) if 2000 + int(digits) <= latest_year + 1 else 1900 + int(digits)


def _make(heard: list[str]) -> tuple[str | None, int | None]:
    names = {name.lower(): name for name in _BY_MAKE} | _MAKE_NAMES
    for word_at, word in enumerate(heard):
        if word in names:
            return names[word], word_at
    for word_at, word in enumerate(heard):
        match = closest(word, names) if word not in _COMMON else None
        if match:
            return names[match], word_at
    return None, None


_COMMON = frozenset(
    {"motor", "motors", "model", "models", "about", "volt", "form", "forward", "ready", "hold"}
)


def _known_model(heard: list[str], make: str | None) -> tuple[str | None, str | None]:
    """(model, its make) among the known ones, exact before near, longer before shorter."""
    makes = [make] if make else list(_BY_MAKE)
    known = sorted(
        ((model, name) for name in makes for model in _BY_MAKE[name]),
        key=lambda each: -len(each[0]),
    )
    spelled = "".join(_LETTERS.get(word, word) for word in heard)
    runs = {"".join(heard[at:end]) for at in range(len(heard)) for end in range(at + 1, at + 5)}
    runs |= {
        "".join(_LETTERS.get(word, word) for word in heard[at:end])
        for at in range(len(heard))
        for end in range(at + 1, at + 5)
    }
    for model, name in known:
        compact = re.sub(r"[\W_]", "", model).lower()
        long_enough = len(compact) >= (2 if make else 4)
        is_word = compact.isalpha() and not make and compact in _EVERYDAY
        if long_enough and compact in runs and not is_word:
            return model, name
        digits = compact.removeprefix("mazda")
        if make == "Mazda" and digits.isdigit() and spelled.endswith(digits):
            return model, name
    for model, name in known:
        compact = re.sub(r"[\W_]", "", model).lower()
        is_own = make or re.search(rf"\b(my|the|an?|our|his|her) {compact}\b", " ".join(heard))
        if compact in _EVERYDAY and not is_own:
            continue
        if len(compact) >= 5 and any(
            close(word, compact)
            for word in heard
            if word not in _COMMON and word != (make or "").lower()
        ):
            return model, name
    return None, None


_EVERYDAY = frozenset(
    "fit focus escape edge pilot soul spark accent journey dart element forte rogue volt compass "
    "patriot "
    "legacy passport transit flex explorer insight liberty ranger blazer leaf venue fusion encore "
    "voyager "
    "frontier charger ascent defender discovery cooper colorado canyon integra regal kicks".split()
)
"""Models that are words of every day: only with the make, or as "my Escape"."""
