"""Dilations as text: "1,2,4,8"."""

from __future__ import annotations

from collections.abc import Sequence

from optuna_mi._checks import instance, wholes


def format_dilations(dilations: Sequence[int]) -> str:
    """Write dilations as the text kept in a trial's attribute ``dilations``.

    Args:
        dilations: Positive integers.

    Returns:
        The integers joined by commas.

    Example:
        >>> format_dilations((1, 2, 4, 8))
        '1,2,4,8'
    """
    checked = wholes("dilations", dilations, 1)
    if not checked:
        raise ValueError("dilations is empty: give one positive integer per layer")
    return ",".join(map(str, checked))


def parse_dilations(text: str) -> tuple[int, ...]:
    """Read dilations back from :func:`format_dilations`.

    Args:
        text: Integers joined by commas; blanks are allowed.

    Returns:
        The dilations.

    Raises:
        ValueError: If the text is empty or holds anything but positive integers.

    Example:
        >>> parse_dilations("1, 2, 4, 8")
        (1, 2, 4, 8)
    """
    instance("text", text, str, "dilations as text such as '1,2,4,8'")
    try:
        dilations = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(
            f"dilations must be integers joined by commas such as '1,2,4,8', got {text!r}."
        ) from None
    if min(dilations) < 1:
        raise ValueError(f"dilations must be at least 1, got {text!r}.")
    return dilations
