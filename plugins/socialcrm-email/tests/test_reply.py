"""New text is told from repeated text, and nothing is lost between the two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm_email._html import html_to_text
from socialcrm_email._reply import split_reply

WROTE = "On Fri, 1 Mar 2024 at 09:00, Support <support@example.org> wrote:"
OUTLOOK = "From: Support <support@example.org>\nSent: Friday, 1 March 2024 09:00\nTo: Mara\nSubject: Parcel\n\nDid it arrive?"


@pytest.mark.parametrize(
    ("text", "new"),
    [
        (f"No.\n\n{WROTE}\n> Did it arrive?", "No."),
        (f"No.\n\n{WROTE}\nDid it arrive?", "No."),
        (f"No.\n\n-----Original Message-----\n{OUTLOOK}", "No."),
        (f"No.\n\n________________________________\n{OUTLOOK}", "No."),
        ("Nein.\n\nAm 01.03.2024 um 09:00 schrieb Support <support@example.org>:\n> Ist es da?", "Nein."),
        ("Non.\n\nLe ven. 1 mars 2024 à 09:00, Support <support@example.org> a écrit :\n> Alors ?", "Non."),
        ("Нет.\n\n01.03.2024 09:00 пользователь Support <\nsupport@example.org> написал:\n> Ну?", "Нет."),
        (f"{WROTE}\n> Did it arrive?\nNo.\n> And the refund?\nNeither.", "No.\nNeither."),
        ("> Did it arrive?\n\nNo.", "No."),
        ("No.\n-- \nMara\n+1-555-0100", "No."),
        ("No.\n\nBest regards,\nMara", "No."),
        ("Nein.\n\nMit freundlichen Grüßen\nMara", "Nein."),
        ("No.\n\nSent from my phone", "No."),
        ("Thanks, but it is still broken. Please refund me.", "Thanks, but it is still broken. Please refund me."),
        ("Dear all,\nthese are missing:\n- one lamp\n- two chairs", "Dear all,\nthese are missing:\n- one lamp\n- two chairs"),
        ("On Friday it broke.\nOn Monday I wrote: it is broken.", "On Friday it broke.\nOn Monday I wrote: it is broken."),
        (f"{WROTE}\n> only a quotation", f"{WROTE}\n> only a quotation"),
        ("", ""),
    ],
)
def test_what_is_new(text, new):
    """Introductions in many programs' and languages' ways end the new text; answers between quoted lines are new."""
    assert split_reply(text)[0] == new


@given(
    st.lists(st.sampled_from(["> quoted", WROTE, "From: a", "Sent: b", "To: c", "", "-- ", "Thanks,", "words", "____________"]))
)
def test_nothing_is_lost(lines):
    """Every line is either new or kept beside it, once."""
    text = "\n".join(lines)
    new, rest = split_reply(text)
    kept = sorted(line.strip() for line in [*new.split("\n"), *rest.split("\n")] if line.strip())
    assert kept == sorted(line.strip() for line in lines if line.strip())


@given(st.text())
def test_html_never_fails(html):
    """Any text is read as HTML without an error, and without markup of a script."""
    assert "<script" not in html_to_text(html + "<script>x</script>") or "<script" in html


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<ul><li>one<li>two</ul>", "- one\n- two"),
        ("<a href='https://example.com/'>https://example.com</a>", "https://example.com"),
        ("<a href='mailto:a@example.com'>write</a>", "write <a@example.com>"),
        ("<a href='javascript:x'>click</a>", "click"),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>c", "> a\n>>\n>> b\n>\nc"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a b\nc"),
        ("x &lt;b&gt; &amp; y", "x <b> & y"),
        ("<img alt='a cat' src=x>", "a cat"),
    ],
)
def test_html_reads_as_text(html, text):
    """Structure that carries meaning stays visible."""
    assert html_to_text(html) == text
