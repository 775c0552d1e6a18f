"""How a call goes on with another owner: what is kept for it, and what it makes of that.

While a reply is made, said or worked for, the session holds it as `InProgress`: its sentences, how
much of each was known to have been heard, the tools that were running. Whoever opens the session
next makes a reply of it that begins with an apology and goes on from there::

    owner 1   "We have Tuesday at nine. Or Wednes✕
    kept       ───────────── heard ────  ── cut ──────────────────
    owner 2   "I'm sorry, we were cut off.  Or Wednesday at two."   then whatever was still to come

The word at which it was cut is not known, for marks and writes come late: so it is said again from
the beginning of the sentence, and a little is heard twice rather than nothing at all.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from otto.dialogue.answering import Answering
from otto.dialogue.model.sentences import SentenceSplitter
from otto.dialogue.prompts import Phrases
from otto.dialogue.reply.player import ReplyPlayer
from otto.dialogue.reply.reply import Reply
from otto.dialogue.session.history import CallerSaid, History, OttoSaid
from otto.dialogue.session.state import Directive, InProgress, Piece, Session
from otto.dialogue.turns.taker import TurnTaker

AGAIN_S = 10.0
"""A call that is taken over twice within so long hears one apology."""
_STOPS = (".", "!", "?", "…")
_CLOSERS = "\"'”’)]"


def in_progress(
    reply: Reply | None, history: History, answering: Answering, now_s: float
) -> InProgress | None:
    """What is being made, said or done at `now_s`, loop time; None when nothing is."""
    work, unanswered = answering.work, answering.unanswered
    if reply is None and work is None and not unanswered:
        return None
    left = InProgress(
        is_own_work=work is not None and work.reply is not None and work.reply is reply,
        unanswered=[turn.text for turn in unanswered],
        recognised_ms=max((turn.end_ms for turn in unanswered), default=0),
    )
    if work is not None:
        left.calls, left.results = [asdict(call) for call in work.calls], [*work.results]
    if reply is not None:
        left.pieces = _pieces(reply, history, now_s)
        left.rounds, left.ending = reply.rounds, reply.ending
        left.streaming, left.finished = reply.is_streaming, reply.is_finished
    return left


def _pieces(reply: Reply, history: History, now_s: float) -> list[Piece]:
    places = {id(entry): place for place, entry in enumerate(history.entries)}
    entry_of = {
        index: places.get(id(entry))
        for entry, first, last in reply.entries
        for index in range(first, last)
    }
    heard = reply.heard_by(now_s)
    return [
        Piece(text, heard.get(index, ("", ""))[0], entry_of.get(index))
        for index, text in enumerate(reply.sentences)
        if index not in reply.remarks
    ]


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    entry: int | None
    is_heard: bool


class Takeover:
    """What the next owner has to do. Made once, of the session as it was found; it is then ready
    to be worked on.

    `is_over`: the call had come to its end, and only the line is still to be given up.
    `is_new`: nobody has heard anything yet, so the greeting is said as if for the first time.
    `apology`: what to say first; may be empty. `asked`: the words the caller was to answer.
    `is_open`: something is to be said, made or done after the apology.
    """

    def __init__(self, session: Session, phrases: Phrases, now: datetime) -> None:
        left, session.in_progress = session.in_progress, None
        last = session.history.entries[-1] if session.history.entries else None
        if left is None:
            # A turn of the caller, or what a tool has found, that nobody has answered.
            is_open = isinstance(last, CallerSaid) or (isinstance(last, OttoSaid) and last.calls)
            left = InProgress(finished=not is_open)
        self.left = left
        self._session = session
        self._lines = [line for piece in left.pieces for line in _lines(piece)]
        self._begin = _where_to_begin(self._lines, left.streaming)
        is_said = left.finished and self._begin == len(self._lines)
        self.is_open = not is_said
        self.is_over = session.directive is not Directive.RESUME
        if is_said and left.ending is not None and not self.is_over:
            session.end(left.ending)
            self.is_over = True
        self.is_new = self._is_new()
        is_again = bool(session.taken_over_at) and (
            (now - datetime.fromisoformat(session.taken_over_at)).total_seconds() < AGAIN_S
        )
        if self.is_open:
            self.apology = "" if is_again else phrases.cut_off
        else:
            self.apology = phrases.taken_over_again if is_again else phrases.taken_over
        answers = [e.text for e in session.history.entries if isinstance(e, OttoSaid) and e.text]
        self.asked = answers[-1] if answers else ""
        if self.is_new:
            session.history.entries.clear()
        elif not self.is_over:
            session.taken_over_at = now.isoformat()
        if left.unanswered and left.recognised_ms:
            session.recognised_ms = left.recognised_ms

    def go_on(
        self, reply: Reply, player: ReplyPlayer, turns: TurnTaker, answering: Answering
    ) -> None:
        """Take up, as `reply`, what the call's last owner has left. The apology is no part of the
        history: "say that again" means the answer behind it."""
        if self.apology:
            player.say(reply, self.apology, is_remark=True)
        first = self._tell(reply, player)
        if reply.has_answer:
            turns.asked(reply.text)
        answering.take_over(reply, self.left, first)

    def _tell(self, reply: Reply, player: ReplyPlayer) -> int:
        """Put what there was of the reply into `reply`, and have said what was not heard.

        Returns the index of the first sentence of the round that is not in the history yet.
        """
        placed: dict[int, list[int]] = {}
        round_start: int | None = None
        for at, line in enumerate(self._lines):
            index = len(reply.sentences)
            if at < self._begin:
                reply.add_heard(line.text)
            else:
                player.say(reply, line.text)
            if line.entry is not None:
                placed.setdefault(line.entry, []).append(index)
            elif round_start is None:
                round_start = index
        for place, indexes in placed.items():
            entry = self._session.history.entries[place]
            assert isinstance(entry, OttoSaid)
            first, last = indexes[0], indexes[-1] + 1
            entry.text, entry.unheard = " ".join(reply.sentences[first:last]), ""
            reply.place(entry, first, last)
        return len(reply.sentences) if round_start is None else round_start

    def _is_new(self) -> bool:
        entries, left = self._session.history.entries, self.left
        return (
            not self.is_over
            and left.ending is None
            and bool(left.pieces)
            and not any(piece.heard for piece in left.pieces)
            and all(isinstance(entry, OttoSaid) and not entry.calls for entry in entries)
            and len(entries) == 1
            and not left.calls
        )


def _lines(piece: Piece) -> list[_Line]:
    """The sentences of a piece: the greeting has three of them, and a short one joins the next."""
    splitter = SentenceSplitter()
    sentences: list[str] = []
    for part in (*splitter.feed(piece.text), *splitter.end()):
        if sentences and not _is_whole(sentences[-1]):
            sentences[-1] += f" {part}"
        else:
            sentences.append(part)
    words_heard = len(piece.heard.split())
    lines: list[_Line] = []
    for text in sentences:
        words = len(text.split())
        lines.append(_Line(text, piece.entry, words_heard >= words))
        words_heard = max(0, words_heard - words)
    return lines


def _where_to_begin(lines: list[_Line], streaming: bool) -> int:
    """Index of the first line to be said: where the sentence begins that was cut."""
    begin = next((at for at, line in enumerate(lines) if not line.is_heard), len(lines))
    if begin == len(lines) and not streaming:
        return begin
    while begin > 0 and not _is_whole(lines[begin - 1].text):
        begin -= 1
    return begin


def _is_whole(text: str) -> bool:
    """Whether a sentence ends with `text`, not only a clause."""
    return text.rstrip(_CLOSERS).endswith(_STOPS)
