"""A plugin for nbval, which leaves pictures out: they are compared too, by their pixels (`-p tests.nbval_pictures`).

Where a run's folder is set, notebooks hand over to it what they hand to a run, each under its own name. Kernels are
forked from this process, as those of a run are (`clvlib.run.warm`), where it can be.
"""

import os
from hashlib import sha256

import pytest

from clvlib.run import warm

FILTERS = warm.load_for_kernels()

from nbval.plugin import IPyNbCell  # noqa: E402

from clvlib.run.refresh import pixels  # noqa: E402
from clvlib.show import NOTEBOOK  # noqa: E402

PNG = "iVBORw0KGgo"  # how every PNG starts in base64


class Cell(IPyNbCell):
    """A cell whose pictures stand for their pixels."""

    def sanitize(self, s):
        if isinstance(s, str) and s.startswith(PNG):
            seen = pixels(s)
            return f"{seen.shape} {sha256(seen.tobytes()).hexdigest()}"
        return super().sanitize(s)


def pytest_configure(config):
    notebooks = sum(name.endswith(".ipynb") for name in config.args)
    if notebooks and warm.may_fork():
        warm.offer_kernels(notebooks, FILTERS)


def pytest_collection_modifyitems(items):
    for item in items:
        if type(item) is IPyNbCell:
            item.__class__ = Cell
            item.parent.skip_compare = tuple(key for key in item.parent.skip_compare if key != "image/png")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    os.environ[NOTEBOOK] = item.path.stem  # before its kernel starts
