"""libvirt's XML, read so that no file can do harm: no entities, no great depth, numbers within bounds, places kept."""

from __future__ import annotations

from typing import Any, NoReturn
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from planner.errors import InputError, Place
from planner.inventory.places import clip

MAX_DEPTH = 40
"""Deepest nesting read [count]; libvirt's own needs about 10."""
MAX_XML_CHARACTERS = 4 * 2**20
"""Longest XML read [count]; capabilities of the largest hosts need a fifth of it."""
MOST = 2**60
"""Largest number read [1]."""

UNITS = {
    "b": 1, "byte": 1, "bytes": 1,
    "KB": 10**3, "k": 2**10, "KiB": 2**10, "MB": 10**6, "M": 2**20, "MiB": 2**20,
    "GB": 10**9, "G": 2**30, "GiB": 2**30, "TB": 10**12, "T": 2**40, "TiB": 2**40,
    "PB": 10**15, "P": 2**50, "PiB": 2**50,
}  # fmt: skip
"""Units that libvirt writes at memory [bytes]."""


class _Builder(TreeBuilder):
    """Builds the tree, notes lines and refuses great depth."""

    def __init__(self, refuse: Any) -> None:
        super().__init__()
        self.parser: Any = None
        self.lines: dict[Element, int] = {}
        self._depth, self._refuse = 0, refuse

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        """Open an element."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse()
        element = super().start(tag, attrs)
        self.lines[element] = self.parser.CurrentLineNumber
        return element

    def end(self, tag: str, /) -> Element:
        """Close an element."""
        self._depth -= 1
        return super().end(tag)


class Xml:
    """One XML document with the places of its elements.

    Parameters
    ----------
    text
        The text.
    file
        Name of the file, or what it came from.

    Raises
    ------
    InputError
        If it is no XML, declares entities, or is too deep or too long.
    """

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        if len(text) > MAX_XML_CHARACTERS:
            message = f"the XML is longer than {MAX_XML_CHARACTERS // 2**20} Mi characters"
            raise InputError.single("too-large", message, "check that it is the right file", Place(file))
        builder = _Builder(self._too_deep)
        parser = XMLParser(target=builder, forbid_dtd=True)
        builder.parser = parser.parser
        self._lines = builder.lines
        try:
            parser.feed(text)
            self.root: Element = parser.close()
        except DefusedXmlException:
            message = "the XML declares a document type or entities, which are not read"
            mend = "give what virsh writes; it has none"
            raise InputError.single("xml-entities", message, mend, Place(file)) from None
        except ParseError as error:
            message = f"this is no XML: {clip(str(error))}"
            mend = "check that the file is whole; one document a file"
            raise InputError.single("bad-xml", message, mend, Place(file, error.position[0])) from None
        except (ValueError, UnicodeError) as error:
            message = f"this is no XML: {clip(str(error))}"
            mend = "check that the file is whole"
            raise InputError.single("bad-xml", message, mend, Place(file)) from None

    def _too_deep(self) -> NoReturn:
        message = f"nesting deeper than {MAX_DEPTH} levels"
        raise InputError.single("too-deep", message, "check that it is the right file", Place(self.file))

    def refuse(self, element: Element, message: str, mend: str, code: str = "out-of-range") -> NoReturn:
        """Refuse the document because of an element."""
        raise InputError.single(code, message, mend, Place(self.file, self._lines.get(element), element.tag))

    def number(self, element: Element, text: str | None, least: int = 0, most: int = MOST) -> int:
        """Return a whole number that stands in an element or one of its attributes."""
        word = (text or "").strip()
        if word.isascii() and word.isdigit() and len(word) < 20 and least <= int(word) <= most:
            return int(word)
        self.refuse(
            element,
            f"{clip(repr(word))} is no whole number from {least} to {most:,}",
            "write what virsh writes",
        )

    def size(self, element: Element, least: int = 0) -> int:
        """Return a size of memory, in KiB where no unit is named [bytes]."""
        unit = element.get("unit", "KiB")
        if unit not in UNITS:
            self.refuse(element, f"{clip(repr(unit))} is no unit of memory", "write KiB, MiB or GiB", "bad-unit")
        found = self.number(element, element.text, least) * UNITS[unit]
        if found > MOST:
            self.refuse(
                element, f"{clip(str(element.text))} {unit} is more than any host has", "write what virsh writes"
            )
        return found

    def required(self, element: Element, path: str) -> Element:
        """Return an element that must be there."""
        found = element.find(path)
        if found is None:
            self.refuse(
                element, f"<{element.tag}> has no <{path}>", "give what virsh dumpxml writes", "missing-element"
            )
        return found


def text_of(element: Element, path: str) -> str:
    """Return the text of an element that may be missing."""
    return (element.findtext(path) or "").strip()
