"""What pytest cannot import here."""

from importlib.util import find_spec

# Modules are imported for their doctests; those of kernels need their compiler.
collect_ignore_glob = [] if find_spec("triton") else ["optuna_mi/nn/_triton*.py"]
