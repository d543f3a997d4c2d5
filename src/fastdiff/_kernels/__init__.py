"""C kernels and their thin shims: pointers, counts and weights; no axes and no policy.

`core` is None where the compiled part can't be had; `reason` then says why. ``FASTDIFF_NO_CORE=1`` simulates that.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType

__all__ = ["REMEDY", "core", "reason"]

REMEDY = "build it from a clone with `python -m pip install .` (a C compiler is needed)"


def _load() -> tuple[ModuleType | None, str]:
    if os.environ.get("FASTDIFF_NO_CORE") == "1":
        return None, "FASTDIFF_NO_CORE=1 is set"
    try:
        return importlib.import_module(".core", __name__), ""
    except ImportError as error:
        return None, str(error)


core, reason = _load()
