"""Long replies."""

from __future__ import annotations

import re

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.connectors import TextLimit, Unit
from socialcrm.errors import SettingsError, TooLong
from socialcrm.outbox._split import split

LINK = "https://example.com/help/a-rather-long-page-about-routers?from=reply"


def weigh(text: str) -> int:
    """Count as some platforms do: a link is 23, wide characters are 2."""
    short = re.sub(r"https?://\S+", "x" * 23, text)
    return sum(2 if ord(character) > 0x10FF else 1 for character in short)


def limit(size: int, unit: Unit = Unit.CODE_POINTS) -> TextLimit:
    return TextLimit(size, unit, weigh if unit is Unit.WEIGHTED else None)


def bodies(parts: tuple[str, ...]) -> list[str]:
    """Return the parts without their numbers, and check the numbers."""
    found = []
    for place, part in enumerate(parts, 1):
        number = f" ({place}/{len(parts)})"
        assert part.endswith(number)
        found.append(part.removesuffix(number))
    return found


def solid(text: str) -> str:
    return "".join(text.split())


def test_a_text_that_fits_is_one_part_without_a_number() -> None:
    """A text exactly at the limit is sent as it is."""
    assert split("  twelve chars ", limit(12), threads=False) == ("twelve chars",)


def test_no_limit_is_no_limit() -> None:
    """A platform without a known limit takes everything in one part."""
    assert split("long " * 9999, TextLimit(), threads=True) == (("long " * 9999).strip(),)


@pytest.mark.parametrize("text", ["", " \n\t\u3000"])
def test_an_empty_reply_is_refused(text: str) -> None:
    """There is no reply without text."""
    with pytest.raises(SettingsError, match="no text"):
        split(text, limit(10), threads=True)


@pytest.mark.parametrize(
    ("unit", "excess"), [(Unit.CODE_POINTS, 2), (Unit.BYTES, 11), (Unit.UTF16, 4), (Unit.GRAPHEMES, 1), (Unit.WEIGHTED, 5)]
)
def test_without_threads_the_excess_is_exact_in_the_platforms_unit(unit: Unit, excess: int) -> None:
    """What does not fit is refused with how much must go."""
    with pytest.raises(TooLong, match=f"shorten it by {excess} {unit}") as caught:
        split("12345678👍🏽é日", limit(10, unit), threads=False)
    assert caught.value.excess == excess


def test_paragraphs_are_cut_first() -> None:
    """A blank line is the best place to cut, where the part stays well filled."""
    text = "One sentence. Another one here.\n\nA second paragraph. It goes on."
    assert bodies(split(text, limit(60), threads=True)) == [
        "One sentence. Another one here.",
        "A second paragraph. It goes on.",
    ]


def test_a_greeting_is_no_part_of_its_own() -> None:
    """A very short paragraph stays with what follows."""
    text = "Hi Ana,\n\nplease restart the router. Then tell us which light is red."
    assert bodies(split(text, limit(45), threads=True))[0] == "Hi Ana,\n\nplease restart the router."


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (
            "Please see the menu, e.g. Apple has it under Settings. Then restart.",
            "Please see the menu, e.g. Apple has it under Settings.",
        ),
        (
            "It rose to 3.5 Mbit at noon for us here. Dr. Kay and all of us say sorry.",
            "It rose to 3.5 Mbit at noon for us here.",
        ),
        (
            "Wait a moment please… and it is done at last. We are done here, thanks.",
            "Wait a moment please… and it is done at last.",
        ),
        ("Der Techniker kommt heute noch. Am 3. Oktober ist dann ein Feiertag hier.", "Der Techniker kommt heute noch."),
        ("He said “it works again!” Then the line went dead for the whole evening.", "He said “it works again!”"),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, first: str) -> None:
    """Abbreviations, decimals, ordinals and running ellipses do not end a sentence."""
    assert bodies(split(text, limit(67), threads=True))[0] == first


def test_japanese_is_cut_after_its_full_stop() -> None:
    """Sentences without blanks are cut at their own stops."""
    text = "ご連絡ありがとうございます。ルーターを再起動してください。それでも直らない場合は教えてください。"
    assert bodies(split(text, limit(45), threads=True)) == [
        "ご連絡ありがとうございます。ルーターを再起動してください。",
        "それでも直らない場合は教えてください。",
    ]


def test_a_word_is_not_cut_where_a_blank_is_near() -> None:
    """Words stay whole."""
    assert bodies(split("alpha beta gamma delta", limit(17), threads=True)) == ["alpha beta", "gamma delta"]


def test_a_word_longer_than_a_message_is_cut_between_graphemes() -> None:
    """A family stays together."""
    family = "👨‍👩‍👧"
    assert bodies(split(family * 10, limit(3 + 6, Unit.GRAPHEMES), threads=True)) == [
        family * 3,
        family * 3,
        family * 3,
        family,
    ]


@pytest.mark.parametrize(
    "whole", [LINK, "@anastasia.of.the.long.name@example.social", "#EverythingIsDownAgainToday", "ana.lee@example.com"]
)
def test_links_mentions_and_hashtags_stay_whole(whole: str) -> None:
    """What a platform links is never cut."""
    text = f"日本語{whole} {'so ' * 40}{whole} end"
    parts = split(text, limit(len(whole) + 10), threads=True)
    assert sum(part.count(whole) for part in parts) == 2


def test_the_platforms_own_links_stay_whole_too() -> None:
    """A plugin may name further spans."""
    text = "a" * 20 + "<" + "b" * 20 + ">" + "a" * 20
    parts = bodies(split(text, limit(30), threads=True, links=lambda _: [(20, 42)]))
    assert "<" + "b" * 20 + ">" in parts[1]


def test_a_link_longer_than_a_message_is_refused() -> None:
    """A link that does not fit, even alone, can't be sent; the excess counts its number too."""
    with pytest.raises(TooLong, match="shorter address") as caught:
        split(f"Look: {LINK}", limit(50), threads=True)
    assert caught.value.excess == len(LINK) + len(" (2/9)") - 50


def test_a_weighted_link_may_be_longer_than_the_limit() -> None:
    """Where the platform counts a link as 23, its length does not matter."""
    parts = split(f"{LINK} " + "word " * 12, limit(50, Unit.WEIGHTED), threads=True)
    assert parts[0].startswith(LINK)
    assert all(weigh(part) <= 50 for part in parts)


def test_ten_parts_need_room_for_two_digits() -> None:
    """Nine parts fill their messages with one digit each; a tenth makes every number wider, and exactly that much."""
    assert split(" ".join(["abcd"] * 9), limit(10), threads=True)[-1] == "abcd (9/9)"
    assert split(" ".join(["abcd"] * 10), limit(12), threads=True)[-1] == "abcd (10/10)"
    tight = split(" ".join(["abcd"] * 10), limit(10), threads=True)
    assert max(map(len, tight)) == 10
    assert solid("".join(bodies(tight))) == "abcd" * 10


def test_a_hundred_thousand_characters_are_cut() -> None:
    """Long text without a single blank is cut as well."""
    for text in ("x" * 100_000, "!" * 100_000, "日" * 100_000, "a." * 50_000, "word. " * 17_000, "@" * 100_000, "-" * 100_000):
        parts = split(text, limit(300, Unit.GRAPHEMES), threads=True)
        assert solid("".join(bodies(parts))) == solid(text)


TEXTS = st.text(
    st.one_of(st.sampled_from(" \n\r.!?…。👍🏽\u200d\u0301日本aB1#@/e"), st.characters(codec="utf-8")), min_size=1, max_size=120
)


@given(TEXTS, st.sampled_from(Unit), st.integers(30, 60))
def test_nothing_is_lost_and_everything_fits(text: str, unit: Unit, size: int) -> None:
    """The laws: order kept, nothing but white space dropped, every part within the limit, no grapheme cut."""
    try:
        parts = split(text, limit(size, unit), threads=True)
    except (SettingsError, TooLong):
        return
    assert all(limit(size, unit).measure(part) <= size for part in parts)
    if len(parts) > 1:
        pieces = bodies(parts)
        assert solid("".join(pieces)) == solid(text)
        marks = [cluster for piece in pieces for cluster in regex.findall(r"\X", piece) if not cluster.isspace()]
        assert [solid(mark) for mark in marks] == [solid(c) for c in regex.findall(r"\X", text.strip()) if not c.isspace()]
    else:
        assert parts == (text.strip(),)


@given(
    st.lists(
        st.sampled_from(["yes", "router", LINK, "@ana@example.social", "#outage", "3.5", "Dr.", "Ja.\n\n"]),
        min_size=1,
        max_size=60,
    )
)
def test_words_links_and_mentions_come_out_whole_and_in_order(words: list[str]) -> None:
    """Text of words is cut between them only."""
    parts = split(" ".join(words), limit(80), threads=True)
    pieces = bodies(parts) if len(parts) > 1 else list(parts)
    assert " ".join(pieces).split() == " ".join(words).split()
