"""``python -m optuna_mi`` is the command ``optuna-mi``."""

import sys

from optuna_mi.cli import main

sys.exit(main())
