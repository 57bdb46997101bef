"""Makes ``python -m d2lzh_cv`` the same as ``d2lzh-cv``."""
import sys

from .cli import main

sys.exit(main())
