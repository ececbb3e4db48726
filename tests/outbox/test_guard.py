"""Private data in public replies. Every number here is invented, or a test number that its network publishes."""

from __future__ import annotations

import string
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.outbox._guard import Finding, PrivateKind, private_data

K = PrivateKind

PRIVATE = [
    (K.EMAIL, "Write to ana.lee+bills@mail.example.com please", "ana.lee+bills@mail.example.com"),
    (K.EMAIL, "mailto:ana@example.org.", "ana@example.org"),
    (K.EMAIL, "jürgen@exämple.com", "jürgen@exämple.com"),
    (K.EMAIL, "ana (at) example.com", "ana (at) example.com"),
    (K.PHONE, "We called +1-555-010-0199 twice", "+1-555-010-0199"),
    (K.PHONE, "call you on +44 20 7946 0958?", "+44 20 7946 0958"),
    (K.PHONE, "+49 (0)30 23125-001", "+49 (0)30 23125-001"),
    (K.PHONE, "0049 30 23125001", "0049 30 23125001"),
    (K.PHONE, "Wir erreichen Sie unter 030/23125 001 nicht.", "030/23125 001"),
    (K.PHONE, "Votre ligne 01 99 00 12 34 est rétablie", "01 99 00 12 34"),
    (K.PHONE, "01.99.00.12.34", "01.99.00.12.34"),
    (K.PHONE, "La línea 612 345 678 ya funciona", "612 345 678"),
    (K.PHONE, "Is (555) 555-0123 yours?", "(555) 555-0123"),
    (K.PHONE, "555.555.0123", "555.555.0123"),
    (K.PHONE, "your mobile number is 7700900123", "7700900123"),
    (K.PHONE, "Tel.: 23125001", "23125001"),
    (K.PHONE, "start 030 23125001", "030 23125001"),
    (K.CARD, "card 4111 1111 1111 1111 12/28", "4111 1111 1111 1111"),
    (K.CARD, "5555-5555-5555-4444", "5555-5555-5555-4444"),
    (K.CARD, "378282246310005", "378282246310005"),
    (K.IBAN, "IBAN DE89 3704 0044 0532 0130 00 THANKS", "DE89 3704 0044 0532 0130 00"),
    (K.IBAN, "gb82west12345698765432", "gb82west12345698765432"),
    (K.IBAN, "FR14 2004 1010 0505 0001 3M02 606", "FR14 2004 1010 0505 0001 3M02 606"),
    (K.ADDRESS, "The engineer comes to 12 Example Street tomorrow", "12 Example Street"),
    (K.ADDRESS, "An die Beispielstraße 12a bitte", "Beispielstraße 12a"),
    (K.ADDRESS, "Am Musterweg 3, 99999 Musterstadt", "Musterweg 3, 99999"),
    (K.ADDRESS, "au 12 bis, rue de l'Exemple", "12 bis, rue de l'Exemple"),
    (K.ADDRESS, "en la calle del Ejemplo, 12", "calle del Ejemplo, 12"),
    (K.REFERENCE, "your customer number 12345 was", "12345"),
    (K.REFERENCE, "Customer no.: AB-12345", "AB-12345"),
    (K.REFERENCE, "order #0012345678", "0012345678"),
    (K.REFERENCE, "Ihre Kundennummer lautet 4711 0815", "4711 0815"),
    (K.REFERENCE, "Vertragsnr. 99-1234", "99-1234"),
    (K.REFERENCE, "votre numéro de client est 123456", "123456"),
    (K.REFERENCE, "su número de contrato: X123456", "X123456"),
    (K.BIRTHDATE, "date of birth: 01/02/1980", "01/02/1980"),
    (K.BIRTHDATE, "born on 2 March 1950", "2 March 1950"),
    (K.BIRTHDATE, "DOB March 2nd, 1950", "March 2nd, 1950"),
    (K.BIRTHDATE, "geboren am 1. März 1950", "1. März 1950"),
    (K.BIRTHDATE, "née le 1er mars 1950", "1er mars 1950"),
    (K.BIRTHDATE, "fecha de nacimiento: 3 de mayo de 1961", "3 de mayo de 1961"),
    (K.CREDENTIAL, "Your new PIN is 4821.", "4821"),
    (K.CREDENTIAL, "PUK: 1234 5678", "1234 5678"),
    (K.CREDENTIAL, "the CVC 123 on the back", "123"),
    (K.CREDENTIAL, "password: hunter2!", "hunter2"),
    (K.CREDENTIAL, "The password: sunshine.", "sunshine"),
    (K.CREDENTIAL, "Ihr Passwort lautet „Sonne#42“", "Sonne#42"),
    (K.CREDENTIAL, "mot de passe = Soleil42", "Soleil42"),
    (K.CREDENTIAL, "su contraseña es Luna2026", "Luna2026"),
]

HARMLESS = [
    "Thanks @ana@example.social, we are on it!",
    "https://example.social/@ana/112233445566778899",
    "Please see https://example.com/help?id=0123456789 for 24/7 help",
    "Since 05.10.2026 14:30 everything works again",
    "05/10/2026 08:30, 2026-10-05 08:30:00, 01-10-26",
    "We are open 0800-1700 and on 0900–1300",
    "It costs 1.234.567,00 € or 1 200 000 $, 0,99 € a minute, 612 345 678 €",
    "+1 000 000 000 thanks",
    "Please restart and wait 10 minutes, then 2 x 30 seconds",
    "Order 0012345678 is on its way",
    "Ticket 0301234567, article 0451234567, Rechnung 0207946095",
    "parcel 00340434161094000000",
    "Firmware 0.10.20.30.40, router at 192.168.100.100",
    "4111 1111 1111 1112",
    "DE89 3704 0044 0532 0130 01",
    "1234567890123456789",
    "Tell us your customer number by direct message, please",
    "Your customer number is on page 2 of the bill",
    "order number 3 of 5",
    "account number ending in 99",
    "Your password is wrong, reset your password here",
    "Password: please reset it in the app",
    "password: https://example.com/reset",
    "The PIN letter takes 5 days",
    "the sun-tan 100 lotion",
    "We were born in a small town",
    "the call took 25 minutes; call 112 in an emergency",
    "24 hours Main Street closed",
    "Startplatz 3, Umweg 5",
    "3 rue",
    "5G since 2019, 100 Mbit/s, 2.4 GHz, IPv6 fe80::1",
    "the account now 12345 visitors",
    "0 800 points",
]


@pytest.mark.parametrize(("kind", "text", "value"), PRIVATE)
def test_private_data_is_found_exactly(kind: PrivateKind, text: str, value: str) -> None:
    """One finding, of the right kind, that begins and ends with the value."""
    (finding,) = private_data(text)
    assert (finding.kind, text[finding.start : finding.end]) == (kind, value)


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_stays_harmless(text: str) -> None:
    """Dates, prices, versions, tickets, mentions and questions for a number are no findings."""
    assert private_data(text) == ()


@pytest.mark.parametrize(("kind", "text", "value"), PRIVATE)
def test_an_excerpt_never_shows_the_value(kind: PrivateKind, text: str, value: str) -> None:
    """At most three characters of a long value are shown, none of a secret."""
    excerpt = private_data(text)[0].excerpt
    assert value not in excerpt
    assert len(excerpt.replace("…", "")) <= (0 if kind is K.CREDENTIAL or len(value) < 8 else 3)


def test_findings_come_in_the_order_of_the_text() -> None:
    """Several findings are sorted and do not overlap."""
    found = private_data("PIN is 4821, ana@example.com, customer number 0301234567, +49 30 23125001")
    assert [finding.kind for finding in found] == [K.CREDENTIAL, K.EMAIL, K.REFERENCE, K.PHONE]
    assert all(one.end <= two.start for one, two in pairwise(found))


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("Write to Help@Example.com", "help@example.com"),
        ("Call +1 (555) 555-0123", "+1-555-555-0123"),
        ("Call (555) 555-0123", "+1 555 555 0123"),
        ("Telefon 030 23125001", "+49 (0)30 / 23125001"),
        ("Telefon 0049 30 23125001", "+49 30 23125001"),
    ],
)
def test_our_own_addresses_and_hotlines_are_allowed(text: str, ours: str) -> None:
    """The allow-list knows a value in another spelling."""
    assert private_data(text)
    assert private_data(text, allowed=[ours]) == ()


def test_allowing_ours_allows_nobody_elses() -> None:
    """A customer's address beside ours is still found."""
    (finding,) = private_data("help@example.com or ana@example.com", allowed={"help@example.com"})
    assert finding == Finding(kind=K.EMAIL, excerpt="a…om", start=20, end=35)


HOSTILE = [
    "a", "1", "0", "1 ", "0 ", "+1", "+", "@", "a@", "a.", "a@a.", "(", "4 ", "4-", "DE00 ", "aA", "- ", ". ", "\u00a0", "é",
    "customer number ", "password is ", "PIN ", "rue de la ", "12 Aa ", "Straße ", "A", "calle de ", "born ", "tel. ",
    "order #", "PIN 4821 ", "PIN: 4821,", "+49 30 23125001, ", "a@b.example ", "Password: ",
    "00 0", "DE89 3704", "12 rue d'", "[at]", "%@", "-", "_", "１", "n° ",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    """A hundred thousand characters of the worst kind are looked through (a quadratic pattern would not come back)."""
    text = piece * (100_000 // len(piece))
    found = private_data(text + "!") + private_data("!" + text + " ana@example.com")
    assert found


@given(st.text(st.sampled_from("0123456789 +-./()@aA#:DE€ßſK\n") | st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_looked_through(text: str) -> None:
    """Findings lie within the text, in order, apart from each other, and none shows itself."""
    end = 0
    for finding in private_data(text):
        assert end <= finding.start < finding.end <= len(text)
        assert text[finding.start : finding.end] not in finding.excerpt
        end = finding.end


@given(st.integers(0, 10**11 - 1), st.sampled_from(["DE", "FR", "ES"]))
def test_an_iban_is_found_by_its_check_digits_only(number: int, country: str) -> None:
    """The right check digits make a finding, the wrong ones do not."""
    length = {"DE": 22, "FR": 27, "ES": 24}[country]
    account = str(number).zfill(length - 4)
    remainder = int(account + "".join(str(string.ascii_uppercase.index(letter) + 10) for letter in country) + "00") % 97
    kinds = [
        {finding.kind for finding in private_data(f"{country}{check:02}{account}")}
        for check in (98 - remainder, 97 - remainder)
    ]
    assert K.IBAN in kinds[0]
    assert K.IBAN not in kinds[1]
