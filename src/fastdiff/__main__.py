"""``python -m fastdiff`` is the command ``fastdiff``."""

import sys

from .cli import main

sys.exit(main())
