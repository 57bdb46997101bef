"""``python -m d2lzh_cv`` is ``d2lzh-cv``."""
import sys

from .cli import main

sys.exit(main())
