"""Other libraries' training loops and search interfaces, each its own extra.

Import the module of the library at hand, ``optuna_mi.integrations.lightning``, ``.transformers``,
``.neuralforecast`` or ``.ray``. Importing one works without its library; using it raises
`MissingExtraError`, which says what to install.
"""
