"""Working copies of the notebooks, which `clv lab` opens."""

import json
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest

from clvlib import load
from clvlib.ingest.card import read_card
from clvlib.run import parameters, working
from clvlib.run.refresh import NOTEBOOKS
from tests.jupyter import wait

CARD = 'name = "Acme"\n[transactions]\npath = "orders.csv"\n'


@pytest.fixture
def card(tmp_path, orders):
    orders.to_csv(tmp_path / "orders.csv", index=False)
    (tmp_path / "acme.toml").write_text(CARD)
    return tmp_path / "acme.toml"


def dataset_of(file):
    return parameters.schema(nbformat.read(file, as_version=4))["dataset"].default


def test_every_notebook_is_there_with_its_card_and_without_outputs(card, tmp_path):
    before = {file.name: file.read_bytes() for file in NOTEBOOKS.glob("*.ipynb")}
    folder, new = working.copy_notebooks(load(card), str(card), tmp_path / "work")
    assert folder == tmp_path / "work" / "acme"
    assert sorted(new) == sorted(before)
    for name in new:
        assert dataset_of(folder / name) == "../../acme.toml"
        assert (folder / dataset_of(folder / name)).resolve() == card
        cells = nbformat.read(folder / name, as_version=4).cells
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
        assert [cell.id for cell in cells] == [c.id for c in nbformat.read(NOTEBOOKS / name, as_version=4).cells]
    assert {file.name: file.read_bytes() for file in NOTEBOOKS.glob("*.ipynb")} == before


def test_a_bundled_dataset_is_named(demo, tmp_path):
    folder, new = working.copy_notebooks(demo, "demo", tmp_path)
    assert {dataset_of(folder / name) for name in new} == {"demo"}


def test_a_copy_that_is_there_stays_as_it_was_left(card, tmp_path):
    folder, _ = working.copy_notebooks(load(card), str(card), tmp_path / "work")
    changed = folder / "01_clv_formula.ipynb"
    changed.write_text(changed.read_text("utf-8").replace("CLV", "VVC"), encoding="utf-8")
    (folder / "02_segmentation.ipynb").unlink()
    mine = changed.read_bytes()
    assert working.copy_notebooks(load(card), str(card), tmp_path / "work") == (folder, ["02_segmentation.ipynb"])
    assert changed.read_bytes() == mine


def test_another_client_of_the_same_name_has_another_folder(card, tmp_path):
    mine, _ = working.copy_notebooks(load(card), str(card), tmp_path / "work")
    other = tmp_path / "other"
    other.mkdir()
    for name in ("acme.toml", "orders.csv"):
        shutil.copy(tmp_path / name, other / name)
    theirs, _ = working.copy_notebooks(load(other / "acme.toml"), str(other / "acme.toml"), tmp_path / "work")
    assert theirs != mine


def test_two_cards_of_one_name_and_one_file_have_each_their_own_copies(card, tmp_path):
    other = card.with_name("acme_high_margin.toml")
    other.write_text(CARD + "[economics]\nmargin = 0.9\n")
    folders = [working.copy_notebooks(load(each), str(each), tmp_path / "work")[0] for each in (card, other)]
    named = [dataset_of(folder / "01_clv_formula.ipynb") for folder in folders]
    assert named == ["../../acme.toml", "../../acme_high_margin.toml"]


def test_a_name_with_quotes_and_odd_letters_is_written_as_python_reads_it(card, tmp_path):
    odd = tmp_path / 'l\'été "x"'
    odd.mkdir()
    for name in ("acme.toml", "orders.csv"):
        shutil.copy(tmp_path / name, odd / name)
    folder, new = working.copy_notebooks(load(odd / "acme.toml"), str(odd / "acme.toml"), tmp_path / "work")
    assert read_card((folder / dataset_of(folder / new[0])).resolve())["name"] == "Acme"


def test_jupyterlab_shows_the_copies_only_and_notebooks_say_how_far_they_are(tmp_path):
    command, environment = working.lab_command(tmp_path / "acme", 8888, browser=False)
    assert f"--ServerApp.root_dir={tmp_path}" in command
    assert "--ServerApp.ip=localhost" in command
    assert "--no-browser" in command
    assert environment["CLV_LAB"]
    settings = next(each for each in command if each.startswith("--LabApp.app_settings_dir="))
    overrides = json.loads((Path(settings.partition("=")[2]) / "overrides.json").read_text("utf-8"))
    assert overrides["@jupyterlab/notebook-extension:tracker"]["windowingMode"] == "none"  # the line floats


def test_jupyterlab_stays_closed_whatever_a_users_own_configuration_says(tmp_path):
    """A lax configuration, as people copy it from forums: no token, any origin, any address."""
    lax = dict.fromkeys(("token", "password"), "") | {"allow_origin": "*", "allow_remote_access": True}
    lax |= {"ip": "0.0.0.0", "disable_check_xsrf": True, "allow_unauthenticated_access": True}
    config = {"ServerApp": lax, "IdentityProvider": {"token": ""}}
    (tmp_path / "jupyter_server_config.json").write_text(json.dumps(config))
    (tmp_path / "work" / "acme").mkdir(parents=True)
    (tmp_path / "work" / "acme" / "00_start_here.ipynb").write_text("{}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command, environment = working.lab_command(tmp_path / "work" / "acme", port, browser=False)
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen(
            [*command, "--allow-root", "--ServerApp.port_retries=0"],
            stdout=log,
            stderr=log,
            env=environment | {"JUPYTER_CONFIG_DIR": str(tmp_path)},
        )
    address, log = f"http://127.0.0.1:{port}", tmp_path / "lab.log"
    try:
        wait(lambda: asked(f"{address}/login")[0], 90, lambda: log.read_text()[-2000:])
        token = next(each for each in command if each.startswith("--IdentityProvider.token=")).partition("=")[2]
        assert asked(f"{address}/api/contents")[0] == 403
        status, headers = asked(f"{address}/api/contents?token={token}", Origin="http://elsewhere.example")
        assert status == 200  # whoever has the token; but the browser keeps the answer from a stranger's page
        assert headers["Access-Control-Allow-Origin"] == f"http://localhost:{port}"
        assert asked(f"{address}/api/contents?token={token}")[0] == 200
        assert asked(f"{address}/api/contents?token=wrong")[0] == 403
        assert "0.0.0.0" not in log.read_text()
    finally:
        server.terminate()
        server.wait(timeout=30)


def asked(address, **headers):
    """The status and the headers of an answer; 0 where there is none."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=5) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers
    except OSError:
        return 0, {}
