"""Sphinx configuration. It reads nothing from the network: links to other projects are URLs."""

import logging
import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "twisted_smpp"
author = "The twisted_smpp authors"
copyright = author
release = metadata.version(project)
version = release

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_parser", "tables"]
exclude_patterns = ["_build", "examples"]

# Each section lists its pages by a glob, and may have none yet. Sphinx gives that warning no
# type by which suppress_warnings could name it.
logging.getLogger("sphinx.sphinx.directives.other").addFilter(
    lambda record: getattr(record, "subtype", None) != "empty_glob"
)

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# A reference to a public name of ours must resolve. Types in signatures are named by the
# module that defines them, and other projects' names cannot resolve without a network.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!twisted_smpp\b).*|twisted_smpp\.(?!text\.\w+$)\w+\..*"),
]

html_theme = "furo"
html_title = f"twisted_smpp {release}"
