"""Who is calling, about which car: names, vehicles, telephone numbers, VINs from spoken words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sandbox.receptionist.understanding import choose_place
from sandbox.receptionist.words import close, closest, contains_phrase, normalise, numbers, tokens


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


_NOT_NAMES = frozenset(
    "my name is its it this the a an im i am you can call me and first last with yes yeah sure ok "
    "okay no hi hello hey speaking here um uh well so names please thanks thank would be under "
    "put in for spelled that thats are dont have want need to not what sorry on account new "
    "customer never been before".split()
)


def full_name(text: str) -> tuple[str, str]:
    """(first, last) name in `text`; either may be empty when it was not said."""
    heard = re.sub(r"(?<=\b\w)-(?=\w\b)", " ", re.sub(r"[^\w\s'’-]", " ", text))
    after = re.search(r"(?:name is|name's|this is|i'm|i am|call me)\s+(.*)", heard, re.IGNORECASE)
    words = (after[1] if after else heard).split()
    spelled = _spelled_out(words)
    names = [word for word in words if word.lower().replace("'", "") not in _NOT_NAMES]
    names = [word.strip("'’-") for word in names if re.fullmatch(r"[^\W\d_][\w'’-]*", word)]
    names = [name for name in names if len(name) > 1][:3]
    if not names and spelled:
        names = [spelled]
    given = [name if any(c.isupper() for c in name[1:]) else name.capitalize() for name in names]
    return (given[0] if given else "", " ".join(given[1:]))


def _spelled_out(words: Sequence[str]) -> str:
    letters = [word for word in words if len(word) == 1 and word.isalpha()]
    return "".join(letters) if len(letters) >= 3 else ""


_MODELS: dict[str, tuple[str, ...]] = {
    "Honda": ("Civic", "Accord", "CR-V", "Pilot", "Odyssey", "Fit", "HR-V"),
    "Toyota": ("Camry", "Corolla", "RAV4", "Highlander", "Prius", "Tacoma", "Tundra", "Sienna"),
    "Ford": ("F-150", "Escape", "Explorer", "Focus", "Fusion", "Mustang", "Edge", "Bronco"),
    "Chevrolet": ("Silverado", "Malibu", "Equinox", "Tahoe", "Impala", "Cruze", "Traverse"),
    "Nissan": ("Altima", "Rogue", "Sentra", "Pathfinder", "Maxima", "Leaf"),
    "Hyundai": ("Elantra", "Sonata", "Tucson", "Kona", "Palisade"),
    "Kia": ("Sorento", "Sportage", "Optima", "Soul", "Telluride", "Forte"),
    "Subaru": ("Outback", "Forester", "Impreza", "Crosstrek", "Legacy", "Ascent"),
    "Mazda": ("Mazda3", "CX-5", "Mazda6", "CX-30", "Miata"),
    "Volkswagen": ("Jetta", "Golf", "Passat", "Tiguan", "Atlas"),
    "Jeep": ("Wrangler", "Cherokee", "Compass", "Renegade", "Gladiator"),
    "GMC": ("Sierra", "Terrain", "Acadia", "Yukon"),
    "Ram": ("1500", "2500"),
    "Dodge": ("Charger", "Durango", "Challenger", "Caravan"),
    "Buick": ("Encore", "Enclave"),
    "Lexus": ("RX", "ES", "NX"),
    "Acura": ("MDX", "TLX", "RDX"),
    "BMW": ("X3", "X5"),
    "Audi": ("A4", "Q5"),
    "Tesla": ("Model 3", "Model Y"),
    "Volvo": ("XC60", "XC90"),
}
_MAKE_NAMES = {"chevy": "Chevrolet", "vw": "Volkswagen", "toyoda": "Toyota", "hondo": "Honda"}


def vehicle(text: str, latest_year: int) -> tuple[int | None, str | None, str | None]:
    """(year, make, model) as far as they are said: "a twenty nineteen Honda Civic"."""
    heard = tokens(text)
    year = _model_year(heard, latest_year)
    make, at = _make(heard)
    model = _known_model(heard, make)
    if model and not make:
        make = next(name for name, models in _MODELS.items() if model in models)
    if make and not model and at is not None:
        following = [word for word in heard[at + 1 :] if word not in _NOT_NAMES][:1]
        if following and not following[0].isdigit() and following[0] not in NUMBERISH:
            model = following[0].capitalize()
    return year, make, model


NUMBERISH = frozenset({"nineteen", "twenty", "two", "thousand", "year", "from", "car", "truck"})


def _model_year(heard: list[str], latest_year: int) -> int | None:
    found = numbers(heard)
    digits = [number.digits for number in found]
    for at in range(len(digits)):
        for size in (1, 2, 3, 4):
            joined = "".join(digits[at : at + size])
            if len(joined) == 4 and 1950 <= int(joined) <= latest_year + 1:
                return int(joined)
    return None


def _make(heard: list[str]) -> tuple[str | None, int | None]:
    names = {name.lower(): name for name in _MODELS} | _MAKE_NAMES
    for at, word in enumerate(heard):
        match = closest(word, names)
        if match:
            return names[match], at
    return None, None


def _known_model(heard: list[str], make: str | None) -> str | None:
    models = _MODELS[make] if make else [m for models in _MODELS.values() for m in models]
    text, joined = " ".join(heard), "".join(heard)
    compact = {model: re.sub(r"[\W_]", "", model).lower() for model in models}
    for model in models:
        plain = normalise(model.replace("-", " "))
        if contains_phrase(text, plain, 1.0) and (make or len(compact[model]) >= 4):
            return model
        if make and len(compact[model]) >= 3 and compact[model] in joined:
            return model
    rest = [word for word in heard if not (make and close(word, make.lower()))]
    for word in rest:
        by_compact = {name: model for model, name in compact.items()}
        match = closest(word, by_compact)
        if match:
            return by_compact[match]
    return None


def phone_number(text: str) -> str | None:
    """Ten or eleven digits of a telephone number, however grouped, or None."""
    heard = normalise(text)
    heard = re.sub(
        r"\b(double|triple) (\w+)", lambda m: f"{m[2]} " * (2 if m[1] == "double" else 3), heard
    )
    digits = "".join(number.digits for number in numbers(heard.split()))
    if len(digits) == 10 or (len(digits) == 11 and digits.startswith("1")):
        return digits
    return None


def code(text: str) -> str | None:
    """The six digits of a code from a text message, however they are said, or None."""
    digits = "".join(number.digits for number in numbers(normalise(text).split()))
    return digits if len(digits) == 6 else None


def vin_last_six(text: str) -> str | None:
    """The last six characters of a VIN, when the caller speaks of one: at least two are digits."""
    heard = normalise(text)
    if not re.search(r"\b(vin|v i n|vehicle identification)\b", heard):
        return None
    tail = re.split(r"\b(?:vin|v i n|identification number|number is|six are|six is|is)\b", heard)[
        -1
    ]
    found = "".join(
        number.digits if number else word
        for word in tail.split()
        for number in [next(iter(numbers([word])), None)]
        if number or len(word) == 1 or any(c.isdigit() for c in word)
    )
    return found[-6:].upper() if len(found) >= 6 and sum(c.isdigit() for c in found) >= 2 else None
