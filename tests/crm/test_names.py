"""When two spellings are one name: in any script, as recognisers write them and people say them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from otto.crm.details import name_of
from otto.crm.names import can_be, folded, is_one_person, is_same_name
from otto.storage.errors import CrmError
from otto.storage.tables import NAME_LENGTH


@pytest.mark.parametrize(
    ("heard", "known"),
    [
        ("Jose", "José"),
        ("Muller", "Müller"),
        ("Mueller", "Müller"),
        ("Nguyen Thi", "Nguyễn Thị"),
        ("Do", "Đỗ"),
        ("Lukasz", "Łukasz"),
        ("Ivanov", "Иванов"),
        ("Li", "李"),
        ("Sorensen", "Sørensen"),
        ("Strasse", "Straße"),
        ("Papadopoulos", "Παπαδόπουλος"),
        ("Thordur", "Þórður"),
        ("Yilmaz", "Yılmaz"),
        ("Ibrahim", "İbrahim"),
        ("Sharma", "शर्मा"),
        ("OBrien Smith", "O'Brien-Smith"),
        ("O’Brien–Smith", "O'Brien-Smith"),
        ("Ｍａｒｉａ", "Maria"),
    ],
)
def test_accents_case_and_script_do_not_matter(heard: str, known: str) -> None:
    assert is_same_name(heard, known) and is_same_name(known, heard)
    assert is_same_name(heard.upper(), unicodedata.normalize("NFD", known))


@pytest.mark.parametrize(
    ("heard", "known", "fits"),
    [
        (("Maria", "Alvarez"), ("María", "Álvarez"), True),
        (("Maria", "Garcia"), ("María José", "García Márquez"), True),
        (("José", "Marquez"), ("María José", "García Márquez"), True),
        (("Maria", "Smith-Jones"), ("Maria", "Jones"), True),  # married since
        (("Li", "Wei"), ("Wei", "Li"), True),  # the family's name first
        (("Wei", "李"), ("李", "Wei"), True),
        (("Nguyen Thi", "Minh"), ("Nguyễn", "Thị Minh"), True),
        (("Suharto", "Suharto"), ("Suharto", ""), True),
        (("suharto", None), ("Suharto", ""), True),
        (("Neville", "Neville"), ("Neville", "Neville"), True),
        (("Minh", "Nguyen"), ("Minh Nguyễn", ""), True),
        (("Suharto", "Smith"), ("Suharto", ""), False),
        (("Maria", "Maria"), ("Maria", "Alvarez"), False),
        (("Maria", "de"), ("Maria", "de la Cruz"), False),
        (("la", "Cruz"), ("Maria de la Luz", "Cruz"), False),
        (("Maria", "Smith"), ("Maria", "Jones"), False),
        (("Eve", "Alvarez"), ("Maria", "Alvarez"), False),
        (("Alvarez", "Alvarez"), ("Maria", "Alvarez"), False),
        (("Wei", "Wei"), ("Wei", "Li"), False),
        (("Christopher", "Lee"), ("Christopher", "Li"), False),
        (("...", "..."), ("Maria", "Alvarez"), False),
        (("", ""), ("Maria", "Alvarez"), False),
        (("Maria", ""), ("Maria", "Alvarez"), False),
    ],
)
def test_names_as_people_say_them(
    heard: tuple[str, str | None], known: tuple[str, str], fits: bool
) -> None:
    assert can_be(heard, known) is fits


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("José", "García"), ("jose", "GARCIA"), True),
        (("Ana María", "Ruiz"), ("Ana", "María Ruiz"), True),
        (("Владимир", "Иванов"), ("Vladimir", "Ivanov"), True),
        (("Maria", "Reed"), ("Mario", "Reed"), False),  # twins
        (("Steven", "Reed"), ("Stephen", "Reed"), False),
        (("", ""), ("", ""), False),
        (("...", ""), ("---", ""), False),
    ],
)
def test_one_person_is_one_name_and_no_similar_one(
    one: tuple[str, str], other: tuple[str, str], same: bool
) -> None:
    assert is_one_person(one, other) is same


texts = st.text(max_size=80)
names = st.text(
    st.characters(categories=("Lu", "Ll", "Lo", "Lt", "Mn"), include_characters=" '-."), max_size=80
)


@given(texts | names, texts | names)
def test_no_text_raises_and_nothing_is_not_somebody(one: str, other: str) -> None:
    assert is_same_name(one, other) is is_same_name(other, one) or one != other
    assert folded(folded(one)) == folded(one)
    if not folded(one):
        assert not is_same_name(one, other) and not can_be((one, one), (other, other))


@given(names, names)
def test_everybody_has_their_own_name_in_every_spelling(first: str, last: str) -> None:
    assume(folded(first) and folded(last))
    known = first, last
    for form in ("NFC", "NFD", "NFKC"):
        said = unicodedata.normalize(form, first), unicodedata.normalize(form, last)
        assert can_be(said, known) and is_one_person(said, known)
    assert can_be((last, first), known)


@given(texts | names)
def test_what_is_stored_is_short_whole_and_the_same_again(text: str) -> None:
    try:
        name = name_of(text, "first name")
    except CrmError as refused:
        assert str(refused).endswith(".") and (len(text) < 4 or text not in str(refused))
        return
    assert 1 <= len(name) <= NAME_LENGTH and name == name.strip()
    assert unicodedata.is_normalized("NFC", name) and "  " not in name
    assert any(char.isalpha() for char in name)
    assert not {"\x00", "\n", "\u202e"} & {*name}
    assert name_of(name, "first name") == name
    name.encode()
