"""Names that a file or a caller chose, as a terminal may be shown them."""

__all__ = ["printable"]

LONGEST = 200  # characters of a name that a message repeats


def printable(name: object) -> str:
    r"""Return a name without control characters, and not longer than a sentence bears.

    Escape sequences, line ends and marks that turn the direction of writing come as ``\x1b``; so do
    the bytes of a path that is no text.

    Parameters
    ----------
    name
        A path, the name of a variable or bytes of a file.

    Examples
    --------
    >>> from symrank._printable import printable
    >>> printable("A\x1b[2J.mtx")
    'A\\x1b[2J.mtx'
    """
    text = name.decode("latin-1") if isinstance(name, bytes) else str(name)
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]}...{text[-LONGEST // 2 :]}"
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
