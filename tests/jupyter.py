"""JupyterLab as `clv lab` opens it, in a real browser: for tests that click."""

import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from clvlib import load
from clvlib.run import working
from tools import picture


@pytest.fixture(scope="module")
def browser():
    found = picture.installed_browser()
    if found is None:
        message = f"no browser is installed: looked for {', '.join(picture.BROWSERS)}"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=found, args=picture.ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def lab(tmp_path):
    """JupyterLab as `clv lab demo` opens it, with a token that is known: address, folder of the working copies."""
    folder, _ = working.copy_notebooks(load("demo"), "demo", tmp_path / "work")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command, environment = working.lab_command(folder, port, browser=False)
    command = [re.sub("^(--IdentityProvider.token=).*", r"\1secret", word) for word in command]
    command += [
        *("--allow-root", "--ServerApp.port_retries=0"),
        *(f"--LabApp.user_settings_dir={tmp_path / 'user'}", f"--LabApp.workspaces_dir={tmp_path / 'workspaces'}"),
    ]
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=log, env=environment | {"JUPYTER_CONFIG_DIR": str(tmp_path)}
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait(lambda: answers(f"{address}/api"), 90, lambda: (tmp_path / "lab.log").read_text()[-2000:])
        yield address, folder
    finally:
        server.terminate()
        server.wait(timeout=30)


def answers(address):
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def kernels(address):
    """What the kernels are doing, as the server tells; nothing while it can't tell, as when a kernel is starting."""
    try:
        with urllib.request.urlopen(f"{address}/api/kernels?token=secret", timeout=5) as answer:
            return [kernel["execution_state"] for kernel in json.load(answer)]
    except urllib.error.HTTPError:
        return []


def wait(ready, seconds, explain):
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, explain()
        time.sleep(1)


def open_and_run(browser, lab, name):
    """A page on a working copy all of whose cells ran."""
    address, folder = lab
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.goto(f"{address}/lab/tree/{folder.name}/{name}.ipynb?token=secret")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=120_000)
    wait(lambda: kernels(address) == ["idle"], 120, lambda: str(kernels(address)))
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for(timeout=120_000)
    assert "would you like" not in page.content().lower()  # no news pop-up
    wait(lambda: started(page), 60, lambda: "no cell was started")
    return page


def saved(page, file):
    """Wait until every cell ran, save the notebook, and wait until it is saved."""
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for(timeout=240_000)
    page.keyboard.press("Control+s")
    wait(
        lambda: error_outputs(file) or all(cell["execution_count"] for cell in code_cells(file)),
        30,
        lambda: str([cell["execution_count"] for cell in code_cells(file)]),
    )
    assert error_outputs(file) == []


def started(page):
    """Choose Run All Cells; while the notebook is still being opened, the menu does nothing."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_timeout(2000)
    return page.locator(".jp-InputPrompt", has_text=re.compile(r"\[(\*|\d+)\]")).count() > 0


def code_cells(file):
    return [cell for cell in json.loads(file.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


def error_outputs(file):
    outputs = [output for cell in code_cells(file) for output in cell["outputs"]]
    return [output["evalue"] for output in outputs if output["output_type"] == "error"]
