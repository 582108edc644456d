r"""Text from outside, made safe to print: names of files, of their members, messages of parsers.

A terminal obeys what it is sent: ESC ] 0 ; renames its window, ESC [ 2 J clears it, a carriage
return hides the line before, and marks of direction let text read otherwise than it is. All of them
are written out, ``\x1b``, and so is half of a pair of surrogates, by which Python holds a byte that
no encoding explains and which no stream can write.
"""

import unicodedata

__all__ = ["one_line", "printable"]

HARMFUL = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control, format, surrogate, line and paragraph


def printable(text: str) -> str:
    r"""Return `text` with every character that a terminal would act on written out.

    Examples
    --------
    >>> from symrank.support.text import printable
    >>> print(printable("a\x1b]0;owned\x07 é"))
    a\x1b]0;owned\x07 é
    """
    return "".join(map(_shown, text))


def one_line(text: str) -> str:
    """Return a message as one printable line: runs of blanks and line ends are one blank."""
    return printable(" ".join(text.split()))


def _shown(character: str) -> str:
    if unicodedata.category(character) not in HARMFUL:
        return character
    return character.encode("unicode_escape").decode("ascii")
