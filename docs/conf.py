"""Sphinx configuration: guide in Markdown, reference from the docstrings."""

from __future__ import annotations

import optuna_mi

project = "optuna_mi"
author = "The optuna_mi developers"
copyright = "2026, The optuna_mi developers"
version = release = optuna_mi.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}

html_theme = "furo"
html_title = f"optuna_mi {version}"
templates_path = ["_templates"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_default_options = {
    "members": True,
    "show-inheritance": True,
    # our own bases' members, but not those of other libraries' classes
    "inherited-members": "Module,BaseSampler,BasePruner,Callback,TrainerCallback,BaseException",
}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# A class documents its attributes in its own docstring, so the fields are not listed twice.
autodoc_class_signature = "mixed"
