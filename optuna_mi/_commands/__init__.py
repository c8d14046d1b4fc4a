"""The subcommands of ``optuna-mi``, one per file: ``add`` says its options, ``run`` does it.

What ``add`` needs is imported at the top of a file and weighs nothing, so that ``--help`` and
errors come at once; all else is imported where it is used.
"""
