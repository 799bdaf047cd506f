"""`python -m priorkit`."""

import sys

from priorkit.cli import main

sys.exit(main())
