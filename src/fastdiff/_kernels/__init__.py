"""C kernels and their thin shims: pointers, counts and weights; no axes and no policy.

`missing` says why the compiled core can't be used, or is empty. ``FASTDIFF_NO_CORE=1`` simulates a core that was not
built.
"""

from __future__ import annotations

import os
from importlib import import_module

REMEDY = "build it from a clone with `python -m pip install .` (a C compiler is needed)"


def _find_core() -> str:
    if os.environ.get("FASTDIFF_NO_CORE") == "1":
        return "FASTDIFF_NO_CORE=1 is set"
    try:
        import_module("fastdiff._kernels.core")
    except ImportError as error:
        return str(error)
    return ""


missing = _find_core()
