"""What can be moved, chosen and pressed in a notebook: what it shows is drawn anew, in the place where it stood.

Without a person, as in a run, the first case is drawn and stands there: each control begins at its default.
"""

import html
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets
import pandas as pd
from IPython.display import DisplayHandle, display
from IPython.utils.capture import capture_output
from itables.widget import ITable

from clvlib.errors import ClvError, UsageError
from clvlib.language import decimal_mark, phrase, translated
from clvlib.show.output import NO_FORMULAS, table
from clvlib.show.units import UNITS, called
from clvlib.wording import count

MOST_BROWSED = 20_000  # rows: a browser takes them at once
_WIDE = {"style": {"description_width": "12em"}, "layout": widgets.Layout(width="40em")}
_WIDTH = 760  # pixels of a picture
_VIEW = "application/vnd.jupyter.widget-view+json"

Choice = Sequence[str] | tuple[float, float, float] | str


def explore(draw: Callable[..., None], **choices: Choice) -> None:
    """Let a person choose what `draw` shows; it is called with one value for each of `choices`, by name.

    Texts are a list to choose from, the first by default; a tuple of three numbers is a slider (least, default, most);
    a single text is a field to write in. What can't be answered is said in place of the picture.
    """
    controls = {name: _control(called(name), given) for name, given in choices.items()}
    shown = _Place()

    def redraw(_: Any = None) -> None:
        shown.put(lambda: draw(**{name: control.value for name, control in controls.items()}))

    shown.first(lambda: draw(**{name: control.value for name, control in controls.items()}))
    told = ", ".join(f"{called(name)} ({_begins_at(control.value)})" for name, control in controls.items())
    _show_widget(widgets.VBox(list(controls.values())), phrase("To choose, in JupyterLab: {told}.", told=told))
    shown.show()
    for control in controls.values():
        control.observe(redraw, "value")


def _begins_at(value: str | float) -> str:
    return str(value).replace(".", decimal_mark()) if isinstance(value, float) else str(value)


def press(act: Callable[[str], None], label: str, **about: str) -> None:
    """A field to write in and a button: `act` is called with what stands in the field, and what it shows stands below.

    about: `field`, what the field is called.
    """
    label, field = translated(label), widgets.Text(description=translated(about.get("field", "")), **_WIDE)
    button, shown = widgets.Button(description=label, layout=widgets.Layout(width="auto")), _Place()
    button.on_click(lambda _: shown.put(lambda: act(field.value.strip())))
    told = phrase("To press, in JupyterLab: {label}.", label=label)
    _show_widget(widgets.VBox([field, widgets.HBox([button])]), told)
    shown.show()


def browse(frame: pd.DataFrame, caption: str, **about: Any) -> ITable:
    """Show a table to sort, search and filter, in which rows can be chosen; its `selected_rows` are their positions.

    Of more than MOST_BROWSED rows the first ones. Below it the first five stand, for where nobody can browse; caption
    and what else there is to say (n, dates, values) are of these.
    """
    written = frame.head(MOST_BROWSED).reset_index()
    rounded = {str(name): written[name].round(_digits(str(name))) for name in written.select_dtypes("float")}
    made = ITable(
        written.assign(**rounded).rename(columns=lambda name: called(str(name))),
        select=True,
        maxBytes=0,
        column_filters="footer" if not any(set("<>&") & set(str(name)) for name in written) else False,
        buttons=[{"extend": "selectAll", "selectorModifier": {"search": "applied"}}, "selectNone"],
        showIndex=False,
        lengthMenu=[10, 25, 100],
    )
    told = phrase(
        "To sort, search, filter and choose from, in JupyterLab{part:: the first {n} of {all} rows|}.",
        part=len(frame) > len(written),
        n=count(len(written)),
        all=count(len(frame)),
    )
    _show_widget(made, told)
    table(frame.head(5), caption, **about)
    return made


def _digits(name: str) -> int:
    return {"percent": 3, "money": 2, "count": 0}.get(UNITS.get(name, ""), 2)


def _control(name: str, given: Choice) -> widgets.Widget:
    if isinstance(given, str):
        return widgets.Text(value=given, description=name, continuous_update=False, **_WIDE)
    if len(given) == 0:
        raise UsageError(
            phrase("There is nothing to choose from for {name}.", name=name), "Give a list, three numbers, or a text."
        )
    if isinstance(given, tuple) and len(given) == 3 and all(isinstance(each, int | float) for each in given):
        least, now, most = given
        about = {"min": least, "max": most, "step": 1, "readout_format": ".0f", "continuous_update": False}
        return widgets.FloatSlider(now, description=name, **about, **_WIDE)
    return widgets.Dropdown(options=list(given), description=name, **_WIDE)


def _show_widget(widget: widgets.Widget, otherwise: str) -> None:
    """Show a widget, and tell whoever has none what it would be."""
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    markup = f'<p class="clv-note {NO_FORMULAS}">{html.escape(otherwise)}</p>'
    data = {"text/plain": otherwise, "text/html": markup, _VIEW: view}
    display(data, raw=True, metadata={"clv": {"kind": "control"}})


class _Place:
    """Where something is shown that is drawn again: its outputs change, and none is added."""

    def __init__(self) -> None:
        self.outputs: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.handles: list[DisplayHandle] = []

    def first(self, draw: Callable[[], None]) -> None:
        """Draw for the first time, to be shown later; what can't be answered leaves the cell out."""
        with capture_output() as said:
            draw()
        self.outputs = [(output.data, output.metadata) for output in said.outputs]
        self.outputs += [(_text(said.stdout), {})] if said.stdout else []

    def show(self) -> None:
        """Show what was drawn, or an empty place."""
        outputs = self.outputs or [(_text(""), {})]
        self.handles = [display(data, raw=True, metadata=about, display_id=True) for data, about in outputs]

    def put(self, draw: Callable[[], None]) -> None:
        """Draw again, all of it where the first output stood. What goes wrong is said, as nobody reads the log."""
        try:
            self.first(draw)
            parts = [data for data, _ in self.outputs]
        except Exception as error:
            parts = [_text(f"{error}" if isinstance(error, ClvError) else f"{type(error).__name__}: {error}")]
        told = "\n".join(part.get("text/plain", "") for part in parts)
        whole = {"text/plain": told, "text/html": "".join(map(_html, parts))}
        for handle, data in zip(self.handles, [whole, *[_text("")] * (len(self.handles) - 1)], strict=True):
            handle.update(data, raw=True)


def _text(said: str) -> dict[str, str]:
    return {
        "text/plain": said,
        "text/html": f'<p class="clv-note {NO_FORMULAS}">{html.escape(said)}</p>' if said else "",
    }


def _html(data: dict[str, str]) -> str:
    if "image/png" not in data:
        return data.get("text/html") or f"<pre>{html.escape(data.get('text/plain', ''))}</pre>"
    told = html.escape(data["text/plain"], quote=True)
    return f'<img style="max-width:100%" width="{_WIDTH}" alt="{told}" src="data:image/png;base64,{data["image/png"]}">'
