"""What is said of the service desk: that it is connected, or closed, and when it will call."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeskWords:
    """One language's. `{opens}` is when it opens: "when we open at 7:30 AM on Monday"."""

    connecting: str
    """With this begins the end of every sentence that announces a person."""
    closed: str
    offered: str
    """With this begins every question to which a yes is a callback."""
    closed_offer: str
    will_be_called: str
    call_again: str
    noted: str
    """Before and behind the promise that was noted: `{first}` and `{promise}`."""
    all_right: str
    goodbye: str

    def offer(self, opens: str) -> str:
        """What a caller hears who wants a person out of hours."""
        return self.closed_offer.format(opens=opens)

    def promise(self, opens: str) -> str:
        """The promise of a callback out of hours, which was noted."""
        return self.will_be_called.format(opens=opens)

    def try_again(self, opens: str) -> str:
        """What is left to say out of hours where nobody can call back."""
        return self.call_again.format(opens=opens)

    def without_person(self, sentence: str) -> str:
        """A sentence that announces a person, without its announcement."""
        return sentence.partition(self.connecting)[0].strip()


ENGLISH_DESK = DeskWords(
    connecting="I'll connect you with the service desk",
    closed="The service desk is closed right now.",
    offered="Shall I have someone call you back",
    closed_offer=(
        "The service desk is closed right now. Shall I have someone call you back {opens}?"
    ),
    will_be_called="Someone will call you back {opens}.",
    call_again="Please call again {opens}.",
    noted="{first} {promise} Is there anything else I can do for you?",
    all_right="All right.",
    goodbye="Goodbye.",
)
SPANISH_DESK = DeskWords(
    connecting="Le comunico con el departamento de servicio",
    closed="El departamento de servicio está cerrado ahora.",
    offered="¿Quiere que alguien le llame",
    closed_offer=(
        "El departamento de servicio está cerrado ahora. "
        "¿Quiere que alguien le llame cuando abramos?"
    ),
    will_be_called="Alguien le llamará cuando abramos.",
    call_again="Por favor, vuelva a llamar cuando abramos.",
    noted="{first} {promise} ¿Puedo ayudarle en algo más?",
    all_right="De acuerdo.",
    goodbye="Adiós.",
)
