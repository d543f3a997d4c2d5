"""Tables between markers in the README: figures come from a script, never from a keyboard."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def replace(marker: str, text: str) -> None:
    """Put `text` between ``<!-- marker:start -->`` and ``<!-- marker:end -->``.

    Raises
    ------
    SystemExit
        If the README does not have exactly one such pair.
    """
    start, end = f"<!-- {marker}:start -->", f"<!-- {marker}:end -->"
    marked = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    whole, count = marked.subn(lambda _: f"{start}\n{text}\n{end}", README.read_text(encoding="utf-8"))
    if count != 1:
        raise SystemExit(f"README.md must have one pair of {start} and {end}, got {count}")
    README.write_text(whole, encoding="utf-8")
