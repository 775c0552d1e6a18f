"""The tools that prove a said number by a code in a text message."""

from __future__ import annotations

from otto.dialogue.session.state import Session
from otto.dialogue.tools.arguments import CheckCode, TextCode
from otto.dialogue.tools.callers import known_number
from otto.dialogue.tools.outcome import Late, Outcome, Pinned, told
from otto.dialogue.tools.ports import Calendar, Crm
from otto.dialogue.tools.results import Result, ToolFault, asked, error
from otto.dialogue.tools.said import Said, Standing
from otto.language.numbers import read_number
from otto.language.read_backs import phone_said
from otto.scheduling.texts.code_requests import CodeRequest, CodeVerdict

NOT_SENT = "I'm sorry, I can't text a code to that number."
WHICH_NUMBER = "I'm sorry. What is the number, digit by digit?"
NEW_NUMBER = "Call identify_caller with the number that they say."
NO_CODE = "I'm sorry, that code is not good any more."
WRONG = "I'm sorry, that is not the code I sent."


class CodeTools:
    """One code a call, to the number that the caller has said."""

    def __init__(self, calendar: Calendar, crm: Crm) -> None:
        self._calendar = calendar
        self._crm = crm

    async def send(self, pinned: Pinned, arguments: TextCode) -> Outcome:
        """Text a code to the number that is claimed."""
        number = pinned.phone
        shown = phone_said(number)
        match Said(pinned.exchange).standing([shown]):
            case Standing.DENIED:
                return told(asked("differs", WHICH_NUMBER, advice=NEW_NUMBER))
            case Standing.OPEN:
                return told(asked("read_back", f"I'll text the code to {shown}. Is that right?"))
        request = CodeRequest(pinned.call_sid, number, pinned.own_number)
        if not await self._calendar.text_code(request):
            return told(error(NOT_SENT, advice="Offer to connect a person."))

        def sent(session: Session) -> Result:
            session.code_sent_to = number
            return {"status": "sent", "advice": "Ask for the six digits, and use check_code."}

        return Outcome(sent, lambda session: Late(sent(session)))

    async def check(self, pinned: Pinned, arguments: CheckCode) -> Outcome:
        """Compare the code; a right one makes the number as good as the one that calls."""
        code = _digits(arguments.code)
        if not code:
            raise ToolFault("Ask for the code in digits.")
        verdict = await self._calendar.check_code(pinned.call_sid, code)
        if verdict is CodeVerdict.WRONG:
            return told(error(WRONG, advice="Ask for the code once more.") | {"code": "wrong"})
        if verdict is CodeVerdict.OVER:
            return told(error(NO_CODE, advice="Offer to connect a person.") | {"code": "over"})
        known = known_number(pinned.phone, await self._crm.find_by_phone(pinned.phone))

        def proved(session: Session) -> Result:
            session.proved = pinned.phone
            return known.change(session)

        return Outcome(proved)


def _digits(said: str) -> str:
    """The digits of a code as it was written, keyed or said."""
    words = "".join(c if c.isalnum() or c == "'" else " " for c in said.casefold()).split()
    digits, at = "", 0
    while at < len(words):
        found = read_number(words, at)
        digits += found[0] if found else ""
        at += found[1] if found else 1
    return digits
