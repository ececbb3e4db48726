"""What must not stand in a public reply: addresses, numbers and secrets of a customer.

Every pattern is linear: repetitions are bounded, and one that could start anywhere is anchored by what may not precede it.
Precision comes before recall where a plain number could be anything: an order number counts only behind its label.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from enum import StrEnum

from attrs import frozen

__all__ = ["Finding", "PrivateKind", "private_data"]


class PrivateKind(StrEnum):
    """What kind of private data a text shows."""

    CREDENTIAL = "password or PIN"
    CARD = "payment card number"
    IBAN = "bank account (IBAN)"
    BIRTHDATE = "date of birth"
    EMAIL = "e-mail address"
    REFERENCE = "customer, contract or order number"
    PHONE = "telephone number"
    ADDRESS = "street address"


@frozen(kw_only=True)
class Finding:
    """One piece of private data in a text.

    Args:
        kind: What it is.
        excerpt: Enough to recognise it, never all of it.
        start: Where it begins, in code points.
        end: Where it ends.
    """

    kind: PrivateKind
    excerpt: str
    start: int
    end: int


Span = tuple[int, int]

_EMAIL = re.compile(
    r"(?<![\w.+%@-])[\w.+%-]{1,64}+(?:@|\s?[\[(](?:at|@)[\])]\s?)(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w@])", re.IGNORECASE
)
# ISO/IEC 7812: 13 to 19 digits; the leading digits tell the network and with it the length.
_CARD = re.compile(r"(?<![\w+])(?<!\d[ -])[2-6](?:[ \u00a0-]?\d){12,18}")
_NETWORKS = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|35\d{14}|6(?:011|4[4-9]\d|5\d\d)\d{12}|(?:50|5[6-9]|6[0-9])\d{10,17}"
)
_IBAN = re.compile(r"(?<![^\W_])[a-z]{2}\d{2}(?:[ \u00a0-]?[a-z0-9]){11,30}", re.IGNORECASE | re.ASCII)
# Lengths by country: ISO 13616, IBAN registry.
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU XK", 21: "CH CR HR LI LV",
        22: "BG BH DE GB GE IE ME RS VA", 23: "AE GI IL IQ TL", 24: "AD CZ ES MD PK RO SA SE SK TN", 25: "PT", 26: "IS TR",
        27: "FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU", 31: "MT SC",
    }.items()
    for country in countries.split()
}  # fmt: skip
_SEPARATOR = r"[ \u00a0./()\u2010-\u2013-]{0,2}"
_PHONES = (
    # International: E.164 has at most 15 digits behind the plus.
    re.compile(rf"(?<![\w+])\+[1-9](?:{_SEPARATOR}\d){{6,14}}(?!\d)"),
    re.compile(rf"(?<![\w+.,:/=&?-])(?<!\d )00[1-9](?:{_SEPARATOR}\d){{8,14}}(?![ ./-]?\d)"),
    # National with a trunk zero (Germany, France, the United Kingdom and many more).
    re.compile(rf"(?<![\w+.,:/#=&?-])(?<!\d )\(?0[1-9](?:{_SEPARATOR}\d){{6,10}}(?![ ./,-]?\d)"),
    re.compile(rf"(?<![\w+.,:/#=&?-])(?<!\d )0[89]00(?:{_SEPARATOR}\d){{5,8}}(?![ ./,-]?\d)"),
    # North America, grouped: area code and exchange begin with 2 to 9.
    re.compile(r"(?<![\w+.,:/#=&?-])(?<!\d )(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4}(?![ .,-]?\d)"),
    # Spain, grouped: nine digits.
    re.compile(r"(?<![\w+.,:/#=&?-])(?<!\d )[6-9]\d\d (?:\d{3} \d{3}|\d\d \d\d \d\d)(?![ .,-]?\d)(?! ?[€$£%])"),
)
_LABELLED_PHONE = re.compile(
    r"(?<!\w)(?:tel(?:e(?:phone|fon)|éfono|\.)?|phone|mobile|mobil|handy|hotline|m[oó]vil|portable|t[ée]l[ée]phone|t[ée]l\.?"
    r"|call(?: (?:me|us|him|her|them))?|cell|fax|rufnummer|ring)"
    r"(?: (?:number|no\.?|nr\.?|numero|número|is|at|on|ist|unter)){0,2}"
    r"\s{0,2}:?\s{0,2}(?P<value>\+?\d(?:[ \u00a0./()-]{0,2}\d){5,14})(?![\d:])",
    re.IGNORECASE,
)
_NOT_A_PHONE = re.compile(
    r"\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d\d)(?![./-]?\d)"  # a date
    r"|\d{4}[./-]\d{1,2}[./-]\d{1,2}(?!\d)"
    r"|(?:[01]\d|2[0-4])[0-5]\d\s?[–-]\s?(?:[01]\d|2[0-4])[0-5]\d(?!\d)"  # from 0800-1700
)
_NUMBERED = re.compile(
    r"(?<!\w)(?:order|ticket|invoice|case|ref(?:erence)?|tracking|parcel|article|item|serial|firmware|version|bestell\w{0,8}|auftrag\w{0,8}"
    r"|rechnung\w{0,8}|artikel\w{0,8}|sendung\w{0,8}|commande|facture|colis|pedido|factura|env[ií]o|art)"
    r"[ .:#-]{0,3}(?:number|no|nr|n°|nº|id)?[ .:#]{0,3}$",
    re.IGNORECASE,
)
_ADDRESSES = (
    re.compile(
        r"(?<![\w.,/-])\d{1,5}[A-Za-z]?,? (?:[A-ZÀ-Þ][\w'’-]{1,30} ){1,3}"
        r"(?:Street|St\.?|Road|Rd\.?|Avenue|Ave\.?|Lane|Drive|Court|Boulevard|Blvd\.?|Crescent|Terrace)(?!\w)"
    ),
    re.compile(r"(?<![\w-])[A-ZÄÖÜ][\wß-]{0,40}?(?:straße|strasse|str\.|gasse|allee)\s\d{1,4}\s?[a-z]?(?!\w)"),
    re.compile(r"(?<![\w-])[A-ZÄÖÜ][\wß-]{1,40}?(?:weg|platz|ring|damm|ufer)\s\d{1,4}\s?[a-z]?,?\s\d{5}(?!\w)"),
    re.compile(
        r"(?<![\w.,/-])\d{1,4}(?: ?(?:bis|ter))?,? (?:rue|avenue|boulevard|allée|impasse|chemin|quai)"
        r" (?:(?:de|du|des|la|le|les) |[dl]['’]){0,3}[A-ZÀ-Þ]\w{1,30}",
    ),
    re.compile(
        r"(?<!\w)(?:[Cc]alle|[Aa]venida|Avda\.|C/|[Pp]laza|[Pp]aseo) (?:(?:de|del|la|las|los|el) ){0,3}[A-ZÀ-Þ]\w{1,30}"
        r"(?: [A-ZÀ-Þ]\w{1,30}){0,2},? (?:n\.?º ?)?\d{1,4}(?!\w)"
    ),
)
_WORD_ENDS = r"(?![^\W\d_])"
_BETWEEN = rf"{_WORD_ENDS}(?:\s{{0,2}}(?:is|was|ist|lautet|est|es|on|am|el|le){_WORD_ENDS})?\s{{0,2}}[:=#]?\s{{0,2}}"
_REFERENCE = re.compile(
    r"(?<!\w)(?:(?:customer|client|account|contract|order|invoice|subscriber|member(?:ship)?|policy|booking)"
    r"(?:['’]s)?[ -]?(?:number|no\.?|nr\.?|id|ref(?:erence)?\.?|\#)"
    r"|(?:kunden|vertrags?|auftrags?|bestell|rechnungs|konto|mitglieds|buchungs)-?(?:nummer|nr\.?)"
    r"|(?:n[uú]m[ée]ro|n°|nº|n\.º)\s?(?:de |du |d['’])?"
    r"(?:client|cliente|contrat|contrato|commande|compte|cuenta|facture|factura|abonné|abonado|pedido))"
    rf"{_BETWEEN}(?P<value>[A-Z0-9](?:[A-Z0-9]|[ /.-](?=\d)|[/-](?=[A-Z])){{2,29}})(?!\w)",
    re.IGNORECASE,
)
_BIRTHDATE = re.compile(
    r"(?<!\w)(?:date of birth|birth ?da(?:te|y)|born|d\.?o\.?b\.?|geburtsdatum|geboren|geb\.|née?(?:\(e\))?|date de naissance"
    rf"|fecha de nacimiento|nacid[oa]){_BETWEEN}"
    r"(?P<value>\d{1,4}[./-] ?\d{1,2}[./-] ?\d{2,4}|\d{1,2}(?:\.|st|nd|rd|th|er)? (?:of |de )?[^\W\d_]{3,10}\.?,? (?:de )?\d{4}"
    r"|[^\W\d_]{3,10} \d{1,2}(?:st|nd|rd|th)?,? \d{4})(?!\d)",
    re.IGNORECASE,
)
_PIN = re.compile(
    rf"(?<!\w)(?:PIN|PUK|CVV|CVC|(?-i:TAN))(?:[ -]?(?:code|number|nummer))?{_BETWEEN}[\"'“„«]?"
    r"(?P<value>\d(?:[ -]?\d){2,9})(?![\w€$£%])",
    re.IGNORECASE,
)
_PASSWORD = re.compile(
    r"(?<!\w)(?:password|pass ?code|pass ?phrase|passwor[td]|kennwort|mot de passe|contraseña|clave)"
    r"\s{0,2}(?P<link>is|ist|lautet|est|es|:|=)[\s:]{0,3}(?P<value>\S{4,64})",
    re.IGNORECASE,
)
_LINE_ENDS = re.compile(r"[\"'”“»)]{0,2}[.,;!]?[ \t\r]{0,3}(?:\n|\Z)")


def private_data(text: str, *, allowed: Collection[str] = ()) -> tuple[Finding, ...]:
    """Find what must not be said in public.

    Args:
        text: A reply as written; English, German, French and Spanish labels are known.
        allowed: Our own addresses and hotlines, in any usual spelling; they are no findings.

    Returns:
        The findings in the order of the text, without overlaps. An empty tuple is no proof that the text is harmless.
    """
    ours = [_key(value) for value in allowed]
    found: list[Finding] = []
    taken = bytearray(len(text))
    for kind, search in _SEARCHES:
        for start, end in search(text):
            value = text[start:end]
            if 1 in taken[start:end] or _is_ours(value, ours):
                continue
            taken[start:end] = b"\x01" * (end - start)
            found.append(Finding(kind=kind, excerpt=_masked(value, kind), start=start, end=end))
    return tuple(sorted(found, key=lambda finding: finding.start))


def _key(value: str) -> str:
    """Bring a value into the one spelling by which it is compared."""
    value = value.strip().casefold()
    if "@" in value:
        return value
    return re.sub(r"[^\w]", "", value.replace("(0)", "")).lstrip("0")


def _is_ours(value: str, ours: list[str]) -> bool:
    key = _key(value)
    # A hotline is allowed in its national spelling too: the international one ends in the same digits.
    return any(key == own or (len(key) > 6 and key.isdigit() and own.endswith(key)) for own in ours)


def _masked(value: str, kind: PrivateKind) -> str:
    """Show the first and the last two characters of a long value, and nothing of a short one or of a secret."""
    if kind is PrivateKind.CREDENTIAL or len(value) < 8:
        return "…"
    return f"{value[0]}…{value[-2:]}"


def _spans(pattern: re.Pattern[str], group: int | str = 0) -> Callable[[str], Iterator[Span]]:
    return lambda text: (match.span(group) for match in pattern.finditer(text))


def _cards(text: str) -> Iterator[Span]:
    for match in _CARD.finditer(text):
        places = [place for place in range(*match.span()) if text[place].isdecimal()]
        for count in range(len(places), 12, -1):
            end = places[count - 1] + 1
            digits = "".join(text[place] for place in places[:count])
            if not text[end : end + 1].isdecimal() and _NETWORKS.fullmatch(digits) and _luhn(digits):
                yield match.start(), end
                break


def _luhn(digits: str) -> bool:
    """Check a card number's last digit (ISO/IEC 7812-1, annex B)."""
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(int(digit) for digit in digits[::-2]) + sum(value - 9 * (value > 9) for value in doubled)) % 10 == 0


def _ibans(text: str) -> Iterator[Span]:
    for match in _IBAN.finditer(text):
        places = [place for place in range(*match.span()) if text[place].isalnum()]
        length = _IBAN_LENGTHS.get(text[match.start() : match.start() + 2].upper(), 99)
        if length > len(places):
            continue
        code = "".join(text[place] for place in places[:length])
        end = places[length - 1] + 1
        # ISO 7064, mod 97-10: letters count from 10 for A.
        if not text[end : end + 1].isalnum() and int("".join(str(int(sign, 36)) for sign in code[4:] + code[:4])) % 97 == 1:
            yield match.start(), end


def _phones(text: str) -> Iterator[Span]:
    for match in _LABELLED_PHONE.finditer(text):
        if not _NOT_A_PHONE.match(text, match.start("value")):
            yield match.span("value")
    for pattern in _PHONES:
        for match in pattern.finditer(text):
            start, end = match.span()
            numbered = _NUMBERED.search(text, max(0, start - 40), start)
            # No area code of the North American plan begins with 0 or 1: “+1 000 000 users”.
            if not (numbered or _NOT_A_PHONE.match(text, start) or re.match(r"\+1\D?[01]", match[0])):
                yield start, end


def _addresses(text: str) -> Iterator[Span]:
    for pattern in _ADDRESSES:
        yield from _spans(pattern)(text)


def _references(text: str) -> Iterator[Span]:
    for match in _REFERENCE.finditer(text):
        if sum(sign.isdecimal() for sign in match["value"]) >= 3 and not _NOT_A_PHONE.match(match["value"]):
            yield match.span("value")


def _secrets(text: str) -> Iterator[Span]:
    for match in _PIN.finditer(text):
        yield match.span("value")
    for match in _PASSWORD.finditer(text):
        value = match["value"].rstrip(".,;:!?\"'”“»)").lstrip("\"'“„«")
        if len(value) < 4 or value.casefold().startswith(("http", "www.")):
            continue
        start = text.index(value, match.start("value"))
        end = start + len(value)
        # “Your password is wrong” and “password: please reset it” tell nothing; “is s3cret” and a last “: sunshine” do.
        plain = value.replace("-", "").replace("'", "").replace("’", "").isalpha()
        if not plain or (match["link"] in ":=" and _LINE_ENDS.match(text, end)):
            yield start, end


# In this order: what an earlier search took, a later one leaves alone.
_SEARCHES: tuple[tuple[PrivateKind, Callable[[str], Iterator[Span]]], ...] = (
    (PrivateKind.CREDENTIAL, _secrets),
    (PrivateKind.IBAN, _ibans),
    (PrivateKind.CARD, _cards),
    (PrivateKind.BIRTHDATE, _spans(_BIRTHDATE, "value")),
    (PrivateKind.EMAIL, _spans(_EMAIL)),
    (PrivateKind.REFERENCE, _references),
    (PrivateKind.PHONE, _phones),
    (PrivateKind.ADDRESS, _addresses),
)
