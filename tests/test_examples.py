"""The examples in docstrings of models, value and causes: there are some for whatever is public, and they hold."""

import ast
import doctest
import importlib
import pkgutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import clvlib
from clvlib import causes, load, models, value

ROOMS = (models, value, causes)
MODULES = [m.name for room in ROOMS for m in pkgutil.iter_modules(room.__path__, f"{room.__name__}.")]


@pytest.fixture(scope="session")
def given():
    from clvlib.models.forecast import BetaGeo
    from clvlib.show import wording

    wording.write_for("en_US", "USD")
    sample = load("cdnow_sample")
    rfm = sample.rfm_summary()
    names = {"sample": sample, "rfm": rfm, "model": BetaGeo().fit(rfm), "shop": load("demo")}
    return {"np": np, "pd": pd, "load": load, **names}


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_hold(name, given):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    found = doctest.testmod(importlib.import_module(name), extraglobs=given, optionflags=flags)
    assert found.failed == 0


def public(module):
    for node in ast.parse(Path(importlib.import_module(module).__file__).read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, ast.get_docstring(node) or ""


@pytest.mark.parametrize("module", MODULES)
def test_whatever_is_public_has_an_example(module):
    assert [name for name, text in public(module) if ">>>" not in text] == []


def test_the_map_names_every_room():
    rooms = [m.name for m in pkgutil.iter_modules(clvlib.__path__) if m.ispkg]
    assert all(f"`clvlib.{room}`" in clvlib.__doc__ for room in rooms)
