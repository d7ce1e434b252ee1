"""Scores and actions → files that other tools import: HubSpot, Salesforce, Zoho, Mailchimp (imports.toml), and Tableau.

The card says which are wanted and by what each tool knows a customer: `lists = { hubspot = "Record ID" }`.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from clvlib.errors import Problem
from clvlib.language import phrase, translated

LISTS = "lists"  # of a card: tool → header of the column of ids
_FILE = Path(__file__).with_name("imports.toml")
_CONTACT = "contact"  # in `group` of crm.csv: who is not to be left alone
_NONE = "none"  # written where there is no action: an import leaves a field as it was where a cell is empty


@cache
def known() -> dict[str, dict[str, Any]]:
    """`fields`: column → label and API name; `tools`: name → which of the two it goes by; `tags`: column → its text."""
    return tomllib.loads(_FILE.read_text("utf-8"))


def wrong_lists(card: Mapping[str, Any]) -> list[Problem]:
    """What a card says of lists that can't be meant."""
    wanted, tools = card.get(LISTS, {}), known()["tools"]
    mend = translated(
        'Write lists = { hubspot = "Record ID" }, say: the header by which the tool knows the ids of your data.'
    )
    if not isinstance(wanted, dict) or not all(isinstance(header, str) and header for header in wanted.values()):
        return [Problem("error", "card", "lists doesn't give the header of a column for each tool", 1, (), mend)]
    known_tools = phrase("Known: {these}.", these=", ".join(tools))
    return [
        Problem("error", "card", phrase("lists names {tool!r}", tool=tool), 1, (), known_tools)
        for tool in wanted
        if tool not in tools
    ]


def write_imports(wanted: Mapping[str, str], customers: pd.DataFrame, crm: pd.DataFrame, folder: Path) -> None:
    """Write a file for each tool: UTF-8, one row a customer, the id under the header that the card gives.

    customers, crm: as customers.csv and crm.csv (empty where there is no plan) have them, index customer_id. Actions
    are those of customers to contact. Mailchimp, which subscribes whom it imports, gets those alone who agreed to
    messages; a file for nobody is not written.
    """
    actions = crm[crm["group"] == _CONTACT].filter(["action", "how"]) if len(crm) else crm
    table = customers.join(actions.reindex(customers.index).fillna(_NONE))
    for tool, header in wanted.items():
        made = _tagged(table) if known()["tools"][tool] == "tags" else _fields(table, known()["tools"][tool])
        if len(made):
            made.rename_axis(header).to_csv(folder / f"{tool}.csv", encoding="utf-8", date_format="%Y-%m-%d")


def _fields(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """The columns that other tools get, under the names of their fields there."""
    names = {column: label if by == "label" else api for column, (label, api) in known()["fields"].items()}
    found = table.filter(list(names))
    agreed = found["consent"].map({"yes": "true", "no": "false"})
    return found.assign(consent=agreed).rename(columns=names)


def _tagged(table: pd.DataFrame) -> pd.DataFrame:
    """`Tags` of customers who agreed to messages and of whom there is something to say."""
    reached = table[table["consent"] == "yes"]
    texts = {column: text for column, text in known()["tags"].items() if column in table}
    tags = [
        ",".join(text.format(row[column]).replace(",", "") for column, text in texts.items() if row[column] != _NONE)
        for row in reached[list(texts)].to_dict("records")
    ]
    made = pd.DataFrame({"Tags": tags}, index=reached.index)
    return made[made["Tags"] != ""]


def write_hyper(table: pd.DataFrame, target: Path) -> None:
    """Write a table as an extract of Tableau, where the extra `tableau` is installed; else nothing."""
    if find_spec("pantab"):
        import pantab

        pantab.frame_to_hyper(table, target, table=target.stem)
