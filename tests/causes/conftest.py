"""The study of channels in a simulated shop, made once for all tests of this room."""

import pytest

from benchmarks.worlds.channels import shop_dataset
from clvlib.causes import adoption, causal, verdict
from clvlib.dataset import Dataset
from tools.demo_shop import world as shop


@pytest.fixture(scope="session")
def world() -> shop.World:
    return shop.world(1)


@pytest.fixture(scope="session")
def ds(world: shop.World) -> Dataset:
    return shop_dataset(world)


@pytest.fixture(scope="session")
def seen(ds: Dataset) -> adoption.Study:
    return adoption.study(ds, known_before=["age_band"])


@pytest.fixture(scope="session")
def found(seen: adoption.Study) -> dict[str, causal.CrossFit]:
    return verdict.fits(seen)
