"""What Otto says by itself. What the model is told is in `otto.dialogue.flow.briefing`."""

from __future__ import annotations

from config.dealership import Dealership
from otto.dialogue.desk_words import ENGLISH_DESK
from otto.dialogue.spanish_phrases import spanish_phrases
from otto.language.languages import Language


class Phrases:
    """The fixed sentences of one dealership: synthesised beforehand, so that they cost no time.

    None of them holds anything about a caller.
    """

    def __init__(
        self,
        dealership: Dealership,
        transcript_notice: str = "",
        location_id: str = "",
        *,
        spanish: bool = False,
    ) -> None:
        """`transcript_notice` is said in the greeting, before anybody is asked anything. They are
        English until `speak`; `spanish`: that language is spoken too."""
        name = dealership.name
        self.greeting = (
            f"Thank you for calling {name} service department. "
            f"This is Otto, the automated assistant. {transcript_notice} How can I help you today?"
        ).replace("  ", " ")
        self.no_transcript = "All right. What we say will not be kept after this call."
        self.cut_off = "I'm sorry, we were cut off for a moment."
        self.taken_over = "I'm sorry, we were cut off for a moment. I'm still here. Please go on."
        self.taken_over_again = "I'm still here. Please go on."
        self.one_moment = "One moment, please."
        self.still_working = "I'm still working on it. Thank you for waiting."
        self.not_long = "I'm still here. It's taking a little longer than usual."
        self.bear_with_me = "Please bear with me, I haven't forgotten you."
        self.still_there = "Are you still there?"
        self.silent_goodbye = "I can't hear you, so I'll hang up now. Please call again. Goodbye."
        self.trouble = (
            "I'm sorry, I'm having trouble on my side. "
            "I'll connect you with the service desk. Please hold on."
        )
        self.cannot_hear = (
            "I'm sorry, I can't hear you properly. "
            "I'll connect you with the service desk. Please hold on."
        )
        self.keypad_only = (
            "I'm sorry, I can't hear you any more. You can answer with the keys of your telephone. "
            "Would you like to be connected with the service desk? Press 1 for yes."
        )
        self.say_again = "I'm sorry, could you say that again, please?"
        self.transferring = "I'll connect you with the service desk. Please hold on."
        self.time_is_short = "Just so you know, we have about a minute left on this call."
        self.time_is_up = (
            "I'm sorry, this call has reached its limit. "
            "I'll connect you with the service desk. Please hold on."
        )
        self.danger = danger_sentence(dealership.location(location_id).towing_number)
        self.other_language = (
            "I'm sorry, I only speak English. I'll connect you with the service desk. "
            "Please hold on."
        )
        self.go_on_in = "Of course, let's go on in English. How can I help you?"
        self.robot = (
            "I'm Otto, an automated assistant, not a person. I can connect you with a person "
            "whenever you like. Shall we go on?"
        )
        self.opted_out = (
            "All right, we won't call or text this number any more. "
            "Is there anything else I can do for you?"
        )
        self.not_sure = (
            "I'm sorry, I'm not certain about that, so I'd rather not say. "
            "Would you like me to connect you with the service desk?"
        )
        self.key_it = "You can also key it in on your telephone, and end with the pound key."
        self.spell_it = "You can also spell it for me, letter by letter."
        self.or_a_person = "Or I can connect you with the service desk, just say so."
        self.offer_person = (
            "I'm sorry, I still did not get that. "
            "Would you like me to connect you with the service desk?"
        )
        self.not_understood = (
            "I'm sorry, I could not get that. "
            "I'll connect you with the service desk. Please hold on."
        )
        self.complaint = (
            "I'm sorry to hear that. I'll connect you with the service desk. Please hold on."
        )
        self.nobody_free = (
            "Nobody is free at the desk right now. Shall I have someone call you back?"
        )
        self.desk_hung_up = "The service desk has hung up. Is there anything else I can do for you?"
        self.will_be_called = (
            "All right. Someone will call you back as soon as possible. "
            "Is there anything else I can do for you?"
        )
        self.not_noted = (
            "I'm sorry, I could not note that down. Please call again in a little while."
        )
        self.goodbye = "Thank you for calling. Goodbye."
        self._language = Language.ENGLISH
        self._in = {
            Language.ENGLISH: {key: text for key, text in vars(self).items() if key[0] != "_"}
        }
        if spanish:
            towing = dealership.location(location_id).towing_number
            self._in[Language.SPANISH] = spanish_phrases(name, transcript_notice, towing)

    def speak(self, language: Language) -> None:
        """Be that language's sentences from now on; those of another than English have to have
        been wanted."""
        if language is not self._language:
            self._language = language
            vars(self).update(self._in[language])

    @property
    def ways(self) -> dict[str, str]:
        """How to give what was asked for in vain, by the values of `flow.slots.Way`."""
        return {"key": self.key_it, "spell": self.spell_it, "person": self.or_a_person}

    @property
    def fillers(self) -> tuple[str, ...]:
        """What bridges silence; the first one only before any other word of an answer."""
        return self.one_moment, self.still_working, self.not_long, self.bear_with_me

    def all(self) -> tuple[tuple[str, Language], ...]:
        """Every phrase with its language, for pre-synthesis."""
        return tuple((text, its) for its, texts in self._in.items() for text in texts.values())


def danger_sentence(towing_number: str | None) -> str:
    """What a caller hears whose car is not safe, whatever else they wanted."""
    tow = f"If you need a tow, call {towing_number}. " if towing_number else ""
    return (
        "That doesn't sound safe. Please don't drive the car, and if anybody is in danger, "
        f"hang up and call 911. {tow}{ENGLISH_DESK.connecting} now. Please hold on."
    )
