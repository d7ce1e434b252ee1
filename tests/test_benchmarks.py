"""The benchmarks that measure time still run: on so few customers their ratios say nothing, and none is judged."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def ran(module: str, *options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", f"benchmarks.{module}", *options]
    environment = os.environ | {"PYTHONSAFEPATH": ""}  # a run sets it, and nothing of the current folder is imported
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_speed_beside_lifetimes_is_measured_to_its_end():
    done = ran("speed", "--customers", "1000")
    assert done.returncode in (0, 1), done.stderr
    assert "total CLV    clvlib" in done.stdout
    assert done.stderr == ""


def test_the_time_and_memory_of_a_check_are_measured_to_its_end():
    done = ran("ingest_speed", "--rows", "1000", "--times", "1")
    assert done.returncode == 0, done.stderr
    assert "1,000 rows" in done.stdout
    assert "as long as reading the file" in done.stdout


def test_fits_beside_those_of_lifetimes_are_measured_to_their_end():
    done = ran("fit_speed", "--share", "0.001")
    assert done.returncode in (0, 1), done.stderr
    assert "ParetoNBDFitter" in done.stdout
    assert done.stderr == ""


def test_the_time_and_memory_of_scores_are_measured_to_their_end():
    done = ran("score_speed", "--customers", "1000")
    assert done.returncode == 0, done.stderr
    assert "fitted on all 1,000 customers" in done.stdout
    assert done.stderr == ""


def test_the_time_of_a_forecast_is_measured_to_its_end():
    done = ran("forecast_speed", "--customers", "1000")
    assert done.returncode == 0, done.stderr
    assert "1,000 customers" in done.stdout
    assert "(hybrid)" in done.stdout
