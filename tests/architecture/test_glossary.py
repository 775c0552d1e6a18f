"""docs/GLOSSARY.md has each word once, where a reader looks for it."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs" / "GLOSSARY.md").read_text(encoding="utf-8")
SECTIONS = re.split(r"^## ", TEXT, flags=re.M)[1:]
HEADINGS = [section.splitlines()[0] for section in SECTIONS]


def test_each_word_stands_once_in_alphabetical_order() -> None:
    words = [re.sub(r"[^a-z]", " ", heading.casefold()) for heading in HEADINGS]
    out_of_order = [(before, after) for before, after in pairwise(words) if before >= after]
    assert not out_of_order


def test_each_word_is_explained_in_a_few_sentences() -> None:
    for section in SECTIONS:
        _, *lines = section.strip().splitlines()
        explanation = " ".join(lines)
        assert 40 < len(explanation) < 500, section


def test_the_words_that_the_pages_rely_on_are_there() -> None:
    needed = {
        "Barge-in", "Checkpoint", "Circuit breaker", "Dead letter", "Endpointing", "Epoch", "Floor",
        "Generation", "Language model", "Lease", "Mark", "Media link", "Outbox", "Recogniser",
        "Sans-I/O", "Spool", "Standby pool", "Supervisor", "Switchboard", "Synthesiser", "Takeover",
        "Worker stream", "Write-behind", "heard_ms", "recognised_ms",
    }  # fmt: skip
    assert needed <= set(HEADINGS)
