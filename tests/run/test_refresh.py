import base64
import io

import nbformat
import numpy as np
import pytest
from PIL import Image

from clvlib.errors import UsageError
from clvlib.run import refresh


def picture(colour, level=6):
    buffer = io.BytesIO()
    Image.fromarray(np.full((9, 9, 3), colour, dtype=np.uint8)).save(buffer, format="PNG", compress_level=level)
    return base64.b64encode(buffer.getvalue()).decode()


def output(**data):
    return nbformat.v4.new_output("display_data", data={name.replace("_", "/"): value for name, value in data.items()})


def test_pictures_are_compared_by_their_pixels():
    assert picture(5, 0) != picture(5, 9)
    assert refresh.same_output(output(image_png=picture(5, 0)), output(image_png=picture(5, 9)))
    assert not refresh.same_output(output(image_png=picture(5)), output(image_png=picture(6)))
    assert not refresh.same_output(output(image_png=picture(5)), output(text_plain="x"))


def test_texts_are_compared_exactly():
    assert refresh.same_output(output(text_plain="1.0"), output(text_plain="1.0"))
    assert not refresh.same_output(output(text_plain="1.0"), output(text_plain="1.00"))


@pytest.fixture
def folder(tmp_path):
    code = nbformat.v4.new_code_cell(
        "print(6 * 7)", id="sum", metadata={"execution": {"iopub.execute_input": "x"}, "tags": ["t"]}
    )
    cells = [code, nbformat.v4.new_markdown_cell("# x", id="title"), nbformat.v4.new_code_cell("1 / 4", id="ratio")]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"widgets": {"state": {}}})
    nbformat.write(notebook, tmp_path / "00_x.ipynb")
    return tmp_path


def test_refresh_writes_what_the_next_refresh_gives_again(folder):
    file = folder / "00_x.ipynb"
    untouched = file.read_bytes()
    assert any("sum" in line for line in refresh.refresh(check=True, notebooks=folder))
    assert file.read_bytes() == untouched
    assert refresh.refresh(notebooks=folder)
    written = file.read_bytes()
    notebook = nbformat.read(file, as_version=4)
    assert [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"] == [1, 2]
    assert [cell.id for cell in notebook.cells] == ["sum", "title", "ratio"]
    assert notebook.cells[0].metadata == {"tags": ["t"]}
    assert "widgets" not in notebook.metadata
    assert refresh.refresh(notebooks=folder) == []
    assert file.read_bytes() == written


def test_a_notebook_that_does_not_run_is_not_written(folder):
    notebook = nbformat.read(folder / "00_x.ipynb", as_version=4)
    notebook.cells[2].source = "1 / 0"
    nbformat.write(notebook, folder / "00_x.ipynb")
    before = (folder / "00_x.ipynb").read_bytes()
    with pytest.raises(UsageError, match="ZeroDivisionError"):
        refresh.refresh(notebooks=folder)
    assert (folder / "00_x.ipynb").read_bytes() == before
