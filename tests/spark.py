"""Spark in local mode, begun once for all tests that ask it something, and stopped at their end."""

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import ibis
import pytest

SETTINGS = {  # for tables of some hundred rows: one thread, and nothing compiled or laid out for more
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Spark as Ibis reaches it. Without it a test says how it is had; where CI is set, it fails."""
    lacking = None if find_spec("pyspark") else "PySpark isn't installed (pip install 'pyspark<4.1')"
    if shutil.which("java") is None:
        lacking = "there is no Java, which Spark needs (Debian: apt-get install default-jre-headless)"
    if lacking:
        pytest.fail(lacking) if os.environ.get("CI") else pytest.skip(lacking)
    from pyspark.sql import SparkSession

    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"  # it looks for a name of this computer otherwise
    builder = SparkSession.builder.master("local[1]").config(map=SETTINGS)
    session = builder.config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("spark"))).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield ibis.pyspark.connect(session)
    session.stop()
