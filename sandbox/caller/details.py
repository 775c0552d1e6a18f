"""What callers answer when they are asked about themselves; several things at once may be asked."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sandbox.caller.acts import Act
from sandbox.caller.checking import vehicle_otherwise
from sandbox.caller.phrases import long_date, national, spelled
from sandbox.caller.profile import GoalKind
from sandbox.caller.stages import IN_PERSON, Stage
from sandbox.caller.standing import Reply, Standing

_KEYPAD = re.compile(r"\b(keypad|key in|press|type|enter|keys)\b")


def give_details(standing: Standing, acts: Sequence[Act], asked: str) -> Reply:
    """The answer to `acts`, which are DETAILS; `asked` is how Otto put it."""
    if standing.goal.kind in IN_PERSON:
        return Reply(standing.say(standing.goal.kind))
    if standing.goal.kind is GoalKind.ASK:
        question = standing.questions.pop(0) if standing.questions else standing.last
        return Reply(f"I'd rather not say, I just have a question. {question}".strip())
    standing.reach(Stage.IDENTIFIED)
    if keys := _keys_for(standing, acts, asked):
        return Reply("", keys=keys)
    said = (_detail(standing, act, asked.lower()) for act in acts)
    return Reply(" ".join(dict.fromkeys(said)))


def _detail(standing: Standing, act: Act, asked: str) -> str:
    facts, say = standing.facts, standing.say
    match act:
        case Act.ASK_NAME:
            return _name(standing, asked)
        case Act.ASK_PHONE if facts.phone:
            return say("phone", phone=national(facts.phone))
        case Act.ASK_BIRTH if facts.date_of_birth:
            return say("birth", date=long_date(facts.date_of_birth))
        case Act.ASK_VIN if facts.vin and "last" not in asked:
            return say("vin_whole", vin=" ".join(facts.vin))
        case Act.ASK_VIN | Act.ASK_BIRTH if facts.vin_last_six:
            return say("vin", vin=" ".join(facts.vin_last_six))
        case Act.ASK_VIN if facts.date_of_birth and facts.known:
            birth = long_date(facts.date_of_birth)
            return f"I don't have that with me. My date of birth is {birth}."
        case Act.ASK_VEHICLE:
            is_again = standing.answered.get(act, 0) % 2 == 1
            how = vehicle_otherwise if is_again else str
            return say("vehicle", vehicle=how(standing.vehicle))
        case Act.ASK_ZIP if facts.zip_code:
            return say("zip", zip=" ".join(facts.zip_code))
        case Act.ASK_EMAIL if facts.email:
            return say("email", email=facts.email.replace("@", " at ").replace(".", " dot "))
        case Act.ASK_MILEAGE if facts.mileage:
            return say("mileage", miles=f"{facts.mileage:,}")
        case _:
            return say("not_known")


def _name(standing: Standing, asked: str) -> str:
    facts = standing.facts
    only = facts.name
    if re.search(r"\b(last|family) name\b", asked) and "first" not in asked:
        only = facts.last_name
    elif "first name" in asked and "last" not in asked:
        only = facts.first_name
    if re.search(r"\bspell", asked):
        if "your name" in asked:
            return standing.say("spelled", name=facts.name, spelled=spelled(facts.last_name))
        return standing.say("spelled", name=only, spelled=spelled(only))
    return standing.say("name", name=only)


def _keys_for(standing: Standing, acts: Sequence[Act], asked: str) -> str:
    """What is keyed in answer to a question for a number alone; "" when it is said."""
    if not (standing.persona.keys or _KEYPAD.search(asked.lower())):
        return ""
    facts = standing.facts
    if list(acts) == [Act.ASK_BIRTH] and facts.date_of_birth:
        return f"{facts.date_of_birth:%m%d%Y}"
    if list(acts) == [Act.ASK_PHONE] and facts.phone:
        return re.sub(r"\D", "", facts.phone)[-10:] + "#"
    return ""
