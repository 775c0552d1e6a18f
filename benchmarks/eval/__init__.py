"""Whole calls, judged by what is in the database and the calendar afterwards and by what was heard.

    scenario.py   what a scenario's file says          speaker.py    the caller: the sandbox's mind
    run.py        one call in text, on virtual time    telephone.py  the double of voice and line
    house.py      the product around it                loop.py       the clock that jumps
    starting.py   the starting data                    servers.py    databases
    book.py       all tables before and after          consent.py    has the caller agreed?
    rules.py      what must hold of every call         grading.py    the verdict
    plants.py     faults that the suite must notice    voice.py      the same over the whole stack
    results.py    pass^k                               report.py     the tables

`python -m benchmarks.eval --help` says how to run it, docs/CONVERSATION.md how to add a scenario.
"""
