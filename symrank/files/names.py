"""Names that a file chose, and its own, as a message may show them."""

from symrank.support.text import printable

__all__ = ["shown"]

LONGEST = 200  # characters of a name that a message repeats


def shown(name: object) -> str:
    r"""Return a name without what a terminal would act on, and no longer than a sentence bears.

    Parameters
    ----------
    name
        A path, or the name of a variable, or bytes of the file.

    Examples
    --------
    >>> from symrank.files.names import shown
    >>> print(shown(b"A\x1b[2J"))
    A\x1b[2J
    """
    text = name.decode("latin-1") if isinstance(name, bytes) else str(name)
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]}...{text[-LONGEST // 2 :]}"
    return printable(text)
