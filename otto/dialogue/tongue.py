"""The language of a call: what its workers hear and speak, and its fixed sentences."""

from __future__ import annotations

from otto.dialogue.context import CallContext, Workers
from otto.dialogue.session.state import Session
from otto.language.languages import Language


class Tongue:
    """One call's language. A call that is taken up goes on in its own."""

    def __init__(self, context: CallContext, session: Session, workers: Workers) -> None:
        self._context = context
        self._session = session
        self._workers = workers
        context.phrases.speak(session.language)
        if session.language is not Language.ENGLISH:
            self._tell()

    @property
    def is_english(self) -> bool:
        return self._session.language is Language.ENGLISH

    def switch(self, language: Language) -> None:
        """Hear and speak this language from now on; the one it is already changes nothing."""
        if language is self._session.language:
            return
        self._session.language = language
        self._context.phrases.speak(language)
        self._tell()

    def _tell(self) -> None:
        self._workers.recogniser.use_language(self._session.language)
        self._workers.synthesiser.use_language(self._session.language)
