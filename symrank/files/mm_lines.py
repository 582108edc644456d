r"""The entries of a Matrix Market file, checked line by line on their way to the parser.

The parser of SciPy reads what it can: ``1D-20`` as 1, ``1.5abc`` as 1.5, an array that ends early
as zeros; a number that is cut, or a NUL byte, is read beyond the end of its memory. So it is given
whole lines only, and only those that match

    row column NUMBER...      NUMBER = [+-] digits [. digits] [e|E|d|D [+-] digits] | inf | nan

to their last byte, the number of entries that the header declares, with Fortran's D written as E.
The expressions are possessive: a byte is looked at once, and no line makes them slow.
"""

import re
from typing import Any

from symrank.files.limits import CHUNK, Allowance
from symrank.files.mm_header import SHOWN, Header
from symrank.files.names import shown

__all__ = ["CheckedLines"]

SLACK = 1 << 22  # bytes of comments and blanks, beside
BYTES_PER_ENTRY = 128  # on the average: a complex one has 90 at full length
LONGEST_LINE = 1 << 16
UNSIGNED = rb"[0-9]++"
INTEGER = rb"[+-]?[0-9]++"
REAL = (
    rb"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++|(?i:nan|inf(?:inity)?+))"
    rb"(?:(?<=[0-9.])[eEdD][+-]?[0-9]++)?+"
)
VALUES = {
    "pattern": [],
    "integer": [INTEGER],
    "unsigned-integer": [UNSIGNED],
    "real": [REAL],
    "double": [REAL],
    "complex": [REAL, REAL],
}
# what most files look like: single blanks, no sign but a minus, tried first for its speed
USUAL_REAL = rb"-?+[0-9]++(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+"
COMMENT = re.compile(rb"^[ \t]*+%[^\n]*+\n", re.MULTILINE)
BLANK_LINES = re.compile(rb"\n[ \t\r\n]*\n")
FORTRAN = bytes.maketrans(b"Dd", b"Ee")


class CheckedLines:
    """A stream that gives a parser the header and whole lines that have passed the check.

    An error is kept for `finish`, as a parser may take what it raises for the end of the file.

    Parameters
    ----------
    file
        After its header, in bytes.
    header
        Of the file.
    allowance
        Its clock.
    """

    def __init__(self, file: Any, header: Header, allowance: Allowance) -> None:
        columns = ([] if header.is_array else [UNSIGNED, UNSIGNED]) + VALUES[header.field]
        line = rb"[ \t]*+" + rb"[ \t]++".join(columns) + rb"[ \t]*+\r?+\n"
        self.file, self.header, self.allowance = file, header, allowance
        usual = b" ".join(USUAL_REAL if column == REAL else column for column in columns)
        self.one_line = re.compile(line)
        self.patterns = [re.compile(rb"(?:" + one + rb")*+") for one in (usual + rb"\n", line)]
        self.has_exponents = header.field in ("real", "double", "complex")
        self.num_entries, self.num_bytes, self.line = 0, 0, header.line
        self.pending = header.text()
        self.tail = b""
        self.is_over = False
        self.error: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        """Return the next checked lines, of about a mebibyte whatever `size` says."""
        del size
        lines, self.pending = self.pending, b""
        try:
            while not lines and not self.is_over:
                lines = self._next()
        except BaseException as error:  # raised by finish, Ctrl-C as well
            self.error, self.is_over = error, True
            return b""
        return lines

    def finish(self) -> None:
        """Read what the parser left; raise what the check found, or where entries are missing."""
        while self.read():
            pass
        if self.error is not None:
            raise self.error
        if self.num_entries != self.header.num_entries:
            raise ValueError(
                f"it declares {self.header.num_entries} entries and ends after {self.num_entries}"
            )

    def _next(self) -> bytes:
        self.allowance.tick()
        chunk = self.file.read(CHUNK)
        self.num_bytes += len(chunk)
        if not chunk:
            self.is_over = True
            chunk = b"\n" if self.tail.strip() else b""  # the last line may lack its end
        text = self.tail + chunk
        end = text.rfind(b"\n") + 1
        text, self.tail = text[:end], text[end:]
        if len(self.tail) > LONGEST_LINE:
            number = self.line + text.count(b"\n") + 1
            raise ValueError(f"line {number} is longer than {LONGEST_LINE >> 10} KiB")
        return self._checked(text)

    def _checked(self, text: bytes) -> bytes:
        """Return lines as the parser is to see them."""
        num_lines = text.count(b"\n")
        while not self.patterns[0].fullmatch(text):
            if len(self.patterns) > 1:
                del self.patterns[0]
                continue
            cleaned = BLANK_LINES.sub(b"\n", b"\n" + COMMENT.sub(b"", text))[1:]
            if cleaned == text or not self.patterns[0].fullmatch(cleaned):
                self._refuse(text)
            text = cleaned
        self.line += num_lines
        self.num_entries += text.count(b"\n")
        if self.num_entries > self.header.num_entries:
            msg = f"it declares {self.header.num_entries} entries and holds more"
            raise ValueError(msg)
        if self.num_bytes > SLACK + BYTES_PER_ENTRY * self.num_entries:
            raise ValueError(
                f"{self.num_bytes >> 20} MiB of text hold {self.num_entries} entries: the rest is "
                "comments and blanks"
            )
        return self._plain(text)

    def _plain(self, text: bytes) -> bytes:
        """Take what is legal from a number that the parser does not know."""
        if b"+" in text:
            text = text.removeprefix(b"+")
            for before in (b" ", b"\t", b"\n"):
                text = text.replace(before + b"+", before)
        if self.has_exponents and (b"D" in text or b"d" in text):
            text = text.translate(FORTRAN)
        return text

    def _refuse(self, text: bytes) -> None:
        """Raise `ValueError` with the first line that is no entry."""
        for number, line in enumerate(text.split(b"\n"), self.line + 1):
            if line.strip() and not line.lstrip().startswith(b"%"):
                if self.one_line.fullmatch(line + b"\n"):
                    continue
                start = shown(line[:SHOWN].rstrip(b"\r"))
                raise ValueError(f"line {number} is '{start}', and a line holds {self._expected()}")
        raise ValueError(f"lines {self.line + 1} and on hold bytes that are no text")

    def _expected(self) -> str:
        place = [] if self.header.is_array else ["row", "column"]
        what = {
            "pattern": [],
            "integer": ["an integer"],
            "unsigned-integer": ["an integer without sign"],
            "complex": ["real part", "imaginary part"],
        }.get(self.header.field, ["a number like 1.5, -2e-3 or 1D-20"])
        return ", ".join(place + what)
