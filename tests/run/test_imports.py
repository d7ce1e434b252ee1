"""Files for other tools: their headers, who is on them, and that ids come back into them."""

import importlib.util

import pandas as pd
import pytest

from clvlib import dataset
from clvlib.errors import DataError
from clvlib.ingest import people
from clvlib.run import commands, dictionary, handover, imports, runner

TOOLS = {"hubspot": "Record ID", "salesforce": "Customer_Number__c", "zoho": "Email", "mailchimp": "Email Address"}


def customers(*ids: str) -> pd.DataFrame:
    """Four customers: to contact, to be left alone, not in the plan, without consent."""
    columns = {
        "clv": [120.5, 80.0, 3.25, 60.0],
        "segment": ["Champions", "Loyal, lately", "Lost", "Champions"],
        "next_order_if_any": [pd.Timestamp("2026-07-04"), pd.NaT, pd.NaT, pd.NaT],
        "consent": ["yes", "yes", "yes", "no"],
        "consent_on": [pd.Timestamp("2026-01-02"), pd.NaT, pd.NaT, pd.NaT],
        "plan_group": ["contact", "control", "none", "contact"],
        "frequency": [3, 2, 0, 1],
    }
    return pd.DataFrame(columns, index=pd.Index(ids or ("a", "b", "c", "d"), name="customer_id"))


def crm(*ids: str) -> pd.DataFrame:
    plan = {"group": ["contact", "control", "contact"], "action": ["keep", "keep", "win back"]}
    plan |= {"how": ["message", "message", "letter"], "consent": ["yes", "yes", "no"]}
    return pd.DataFrame(plan, index=pd.Index(ids or ("a", "b", "d"), name="customer_id"))


def written(folder, tool):
    return pd.read_csv(folder / f"{tool}.csv", dtype=str, keep_default_na=False)


def test_each_tool_gets_the_headers_that_it_knows(tmp_path):
    imports.write_imports(TOOLS, customers(), crm(), tmp_path)
    assert sorted(file.stem for file in tmp_path.iterdir()) == sorted(TOOLS)
    hubspot = (tmp_path / "hubspot.csv").read_text("utf-8").splitlines()
    assert hubspot[0] == (
        "Record ID,CLV,CLV next order,CLV segment,CLV consent,CLV consent given on,CLV plan group,CLV action,"
        "CLV action by"
    )
    assert hubspot[1] == "a,120.5,2026-07-04,Champions,true,2026-01-02,contact,keep,message"
    assert hubspot[2] == 'b,80.0,,"Loyal, lately",true,,control,none,none'  # left alone: no action reaches the tool
    assert hubspot[3:] == [
        "c,3.25,,Lost,true,,none,none,none",
        "d,60.0,,Champions,false,,contact,win back,letter",
    ]
    zoho, salesforce = written(tmp_path, "zoho"), written(tmp_path, "salesforce")
    assert list(zoho.columns) == ["Email", *hubspot[0].split(",")[1:]]
    assert list(salesforce.columns[:3]) == ["Customer_Number__c", "CLV__c", "CLV_Next_Order__c"]
    assert all(name.endswith("__c") for name in salesforce.columns)
    assert salesforce.to_numpy().tolist() == zoho.to_numpy().tolist()


def test_mailchimp_gets_tags_of_those_who_agreed_and_nobody_else(tmp_path):
    imports.write_imports({"mailchimp": "Email Address"}, customers(), crm(), tmp_path)
    made = written(tmp_path, "mailchimp").set_index("Email Address")["Tags"]
    assert made.to_dict() == {
        "a": "CLV segment Champions,CLV plan contact,CLV action keep",
        "b": "CLV segment Loyal lately,CLV plan control",  # a comma parts tags
        "c": "CLV segment Lost",
    }
    (tmp_path / "mailchimp.csv").unlink()
    for nobody in (customers().assign(consent="no"), customers()[["clv", "consent"]]):
        imports.write_imports({"mailchimp": "Email Address"}, nobody, pd.DataFrame(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_a_plan_there_are_scores_alone(tmp_path):
    imports.write_imports({"zoho": "Email"}, customers()[["clv", "consent"]], pd.DataFrame(), tmp_path)
    rows = ["Email,CLV,CLV consent", "a,120.5,true", "b,80.0,true", "c,3.25,true", "d,60.0,false"]
    assert (tmp_path / "zoho.csv").read_text().splitlines() == rows


def test_the_ids_come_back_into_every_file(tmp_path):
    ids = [f"{who}@example.com" for who in ("anna", "bo", "cy", "di")]
    orders = "".join(f"{who},2025-0{month}-01,9.5\n" for who in ids for month in (1, 2, 3))
    (tmp_path / "orders.csv").write_text(f"customer_id,date,amount\n{orders}")
    (tmp_path / "shop.toml").write_text('name = "Shop"\n[transactions]\npath = "orders.csv"\n')
    dataset.load(tmp_path / "shop.toml")
    hidden = [people.pseudonym(people.key(), who) for who in ids]
    imports.write_imports(TOOLS, customers(*hidden), crm(hidden[0], hidden[1], hidden[3]), tmp_path)
    for tool, header in TOOLS.items():
        commands.reveal(tmp_path / "shop.toml", tmp_path / f"{tool}.csv")
        shown = written(tmp_path, f"{tool}.revealed")[header].to_list()
        assert shown == (ids[:3] if tool == "mailchimp" else ids)


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        (["hubspot"], "the header by which the tool knows"),
        ({"hubspot": ""}, "the header by which the tool knows"),
        ({"pipedrive": "ID"}, "lists names 'pipedrive'. Known: hubspot, salesforce, zoho, mailchimp."),
    ],
)
def test_a_list_that_cant_be_meant_is_said_before_anything_runs(lists, said, monkeypatch):
    monkeypatch.setattr(runner, "read_card", lambda path: {"lists": lists})
    with pytest.raises(DataError) as caught:
        runner.run("cdnow_sample")
    assert said in str(caught.value)
    assert not imports.wrong_lists({"lists": TOOLS})


def test_what_tools_get_are_columns_that_a_run_writes():
    used = {*imports.known()["fields"], *imports.known()["tags"]}
    assert used <= dictionary.entries().keys()
    labels, names = zip(*imports.known()["fields"].values(), strict=True)
    assert len({*labels}) == len({*names}) == len(labels)


def listed(tmp_path):
    """tableau.csv of a plan, as a run writes it."""
    long = {"customer_id": ["0007", "0007", "p1"], "group": ["contact", "contact", "control"],
            "measure": ["cost", "days_silent", "cost"], "value": [0.5, 12.0, 1234.567]}  # fmt: skip
    handover.write_list(pd.DataFrame(long), tmp_path / "tableau.csv")
    return tmp_path / "tableau.csv"


def test_tableau_gets_an_extract_of_the_rows_and_types_of_its_csv(tmp_path):
    pantab = pytest.importorskip("pantab", reason="the extra tableau isn't installed")
    csv = pd.read_csv(listed(tmp_path), dtype={"customer_id": str})
    extract = pantab.frame_from_hyper(tmp_path / "tableau.hyper", table="tableau")
    assert extract.to_numpy().tolist() == csv.to_numpy().tolist()
    assert [str(kind) for kind in extract.dtypes] == ["large_string[pyarrow]"] * 3 + ["double[pyarrow]"]
    assert extract["customer_id"].to_list() == ["0007", "0007", "p1"]


def test_without_the_extra_tableau_has_its_csv_alone(tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(imports, "find_spec", lambda name: None if name == "pantab" else found(name))
    assert listed(tmp_path).read_bytes().decode("utf-8").startswith("customer_id,group,measure,value\n0007,contact")
    assert not (tmp_path / "tableau.hyper").exists()
