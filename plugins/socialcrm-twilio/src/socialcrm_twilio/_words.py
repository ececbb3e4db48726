"""What Twilio's codes and durations mean in words for people ("Error and Warning Dictionary")."""

from __future__ import annotations

__all__ = ["fold", "reason", "span"]

_REASONS = {
    30001: "too many messages are waiting",
    30002: "our Twilio account is suspended",
    30003: "the phone can't be reached: switched off, out of service or roaming",
    30004: "the phone or its carrier blocks messages from us",
    30005: "the number is not in use",
    30006: "the number is a landline or its carrier takes no messages",
    30007: "a carrier filtered it as unwanted",
    30008: "the carrier does not say why",
    30034: "our number is not registered with the carriers (A2P 10DLC)",
    63016: "WhatsApp allows free text only within 24 hours of the customer's last message",
    63024: "the recipient is not on that channel",
}
_ALIKE = str.maketrans(
    {
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{HORIZONTAL ELLIPSIS}": "...",
        "\N{NO-BREAK SPACE}": " ",
    }
)


def reason(code: int, told: str = "") -> str:
    """Return why a message was not delivered, with the code to look it up by.

    Args:
        code: Twilio's error code; 0 where it gives none.
        told: Twilio's own words, if any.
    """
    words = _REASONS.get(code) or told.strip() or "Twilio does not say why"
    return f"{words} (error {code})" if code else words


def span(seconds: int) -> str:
    """Return a duration in words: ``3 minutes 5 seconds``."""
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    told = [_count(hours, "hour"), _count(minutes, "minute"), _count(left, "second")]
    return " ".join(one for one in told if one) or "0 seconds"


def fold(text: str) -> str:
    """Return a text without what smart encoding and trimming change, to compare it with what Twilio gives back."""
    return " ".join(text.translate(_ALIKE).split())


def _count(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}" if count else ""
