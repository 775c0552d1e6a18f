"""A caller who wants no transcript is understood, and nobody else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.language.refusals import refuses_transcript

REFUSALS = """
please don't record this
Don't record me.
do not record this call please
I don’t want to be recorded
I do not want this call to be recorded
I don't want this transcribed
I don't want a transcript
I don't want you to write any of this down
no recording please
no transcript, please
Please stop recording.
stop transcribing
can you not record this
could you please not transcribe this call
I'd rather not be recorded
I would prefer not to be recorded
I do not consent to being recorded
I don't consent to the recording
I don't agree to be recorded
I object to being recorded
I refuse to be recorded
I'm not comfortable being recorded
I am not okay with being transcribed
turn off the recording
turn the recording off
please switch off the transcription
you can't record me
you may not record this call
you do not have my permission to record
I never agreed to be recorded
without a recording please
delete the transcript
off the record please
Hi, I need an oil change, but please don't record this.
wait, is this recorded? I don't want to be recorded
and I withdraw my consent to the recording
you are not allowed to record me
I don't want anything I say taken down
I want this call without recording
uh, yeah, don't, uh, don't record this, please
no don't tape this
""".strip().splitlines()

OTHERS = """
is this call recorded
are you recording this
do you record your calls
will this be transcribed
why is this being recorded
I don't mind being recorded
I do not care if you record it
you can record this, no problem
no I don't object to the recording
yes, that's fine, record away
no that's fine you can record
no go ahead and record it
okay record it I am not worried
it doesn't matter if it's recorded
there is no record of my appointment
you don't have me on record
I don't have a record of that
I have no records for the car
do you not have my service records
the recorder in my car does not work
it is not on your records
my tape deck does not work
the car does not start
no
no thanks
don't book it
I can't make it on Tuesday
please write down my number
no, take down this number instead
never mind
stop
the record is not right
""".strip().splitlines()


@pytest.mark.parametrize("said", REFUSALS)
def test_a_refusal_is_understood(said: str) -> None:
    assert refuses_transcript(said)


@pytest.mark.parametrize("said", OTHERS)
def test_nothing_else_is_taken_for_one(said: str) -> None:
    assert not refuses_transcript(said)


@given(st.text())
def test_anything_can_be_said(said: str) -> None:
    assert refuses_transcript(said) in {True, False}


@given(st.sampled_from(REFUSALS), st.sampled_from(["", "um ", "hello, ", "okay. "]))
def test_how_it_is_written_does_not_matter(said: str, before: str) -> None:
    assert refuses_transcript(before + said.upper() + "!")
