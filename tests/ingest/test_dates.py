"""Dates: all that a text says is understood, or the row can't be read and is counted."""

import json
import re
import tomllib

import pytest

HEAD = "customer_id,date,amount\n"


def errors(problems):
    return " | ".join(str(problem) for problem in problems if problem.grade == "error")


def said(problems):
    return " | ".join(map(str, problems))


def times(found):
    return [str(time) for time in found.transactions.to_pandas()["date"]]


def orders(*dates):
    return HEAD + "".join(f'c{i},"{date}",{i}\n' for i, date in enumerate(dates, 1))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2024-01-18 22:30:00 UTC", "2024-01-19 09:30:00"),
        ("2024-01-18T22:30:00Z", "2024-01-19 09:30:00"),
        ("2024-01-18 22:30 GMT", "2024-01-19 09:30:00"),
        ("2024-01-18 22:30:00 gmt+0200", "2024-01-19 07:30:00"),
        ("2024-01-18 22:30:00 +02", "2024-01-19 07:30:00"),
        ("2024-01-18 22:30:00 \N{MINUS SIGN}05:30", "2024-01-19 15:00:00"),
        ("2024-01-18 22:30:00 Europe/Paris", "2024-01-19 08:30:00"),
        ("2024-07-18 22:30:00 Europe/Paris", "2024-07-19 06:30:00"),
        ("2024-01-18 22:30:00 America/New_York", "2024-01-19 14:30:00"),
        ("2024-01-18 22:30:00 Eastern Time (US & Canada)", "2024-01-19 14:30:00"),
        ("2024-01-18 10:30 PM Brisbane", "2024-01-18 23:30:00"),
        ("2024-01-18 10:30 PM America/New_York", "2024-01-19 14:30:00"),
        ("2024-01-18 22:30:00 +0000 UTC", "2024-01-19 09:30:00"),
        ("2024-01-18T22:30:00+01:00[Europe/Paris]", "2024-01-19 08:30:00"),
        ("2024-01-18 22:30:00 GMT-0500 (Eastern Standard Time)", "2024-01-19 14:30:00"),
        ("2024-01-18 22:30:00 EST", "2024-01-19 14:30:00"),
        ("2024-07-18 22:30:00 PDT", "2024-07-19 15:30:00"),
        ("2024-01-18 10:30 PM", "2024-01-18 22:30:00"),
        ("2024-01-18 12:05:06 a.m.", "2024-01-18 00:05:06"),
        ("2024-01-18 10:30:00pm UTC", "2024-01-19 09:30:00"),
        ("2024-01-18 22:30:00.250", "2024-01-18 22:30:00.250000"),
        ("2024-01-18T22:30:00,250Z", "2024-01-19 09:30:00.250000"),
        ("2024/1/8 9:05", "2024-01-08 09:05:00"),
        ("20240118T223000Z", "2024-01-19 09:30:00"),
        ("20240118 22:30", "2024-01-18 22:30:00"),
        ("18.01.2024 22:30:00 UTC", "2024-01-19 09:30:00"),
        ("1705617000", "2024-01-19 09:30:00"),
        ("1705617000000", "2024-01-19 09:30:00"),
    ],
)
def test_what_follows_the_day_is_understood(build, written, meant):
    found, problems = build(orders(written), card={"timezone": "Australia/Sydney"})
    assert not errors(problems)
    assert times(found) == [meant]


@pytest.mark.parametrize(
    "odd",
    [
        "2024-01-18 22:30:00 garbage", "2024-01-18 22:30:00 BST", "2024-01-18 22:30:00 Europe/Atlantis",
        "2024-01-18 22:30 PM", "2024-01-18 25:00", "2024-01-18 and later", "2024-01-18 22:30:00 +15:00",
        "2024-01-18 22:30:00+01:00[nowhere]", "2024-01-18 22:30:00 UTC UTC", "2024-01-18 22:30:00 +01:00 or so",
        "2024-02-30",
        "2024-01-18 22:30:00 12",
    ],
)  # fmt: skip
def test_what_is_not_understood_leaves_the_row_out_and_is_counted(build, odd):
    plain = ["2024-01-17 10:00:00"] * 40
    found, problems = build(orders(odd, *plain))
    assert not errors(problems)
    assert "1 of 41 row(s) dropped: date can't be read" in said(problems)
    assert len(times(found)) == 40
    assert "date can't be read" in errors(build(orders(odd, odd))[1])


def test_a_zone_is_kept_as_it_is_written_where_the_card_names_none(build):
    found, problems = build(orders("2024-01-18 22:30:00 UTC", "2024-01-18 10:30 PM EST"))
    assert times(found) == ["2024-01-18 22:30:00", "2024-01-18 22:30:00"]
    assert "2 value(s) of date carry a UTC offset or a zone" in said(problems)


def test_dates_without_a_zone_among_others_are_said_to_be_the_shops(build):
    found, problems = build(orders("2024-01-18 22:30 UTC", "2024-01-18 22:30"), card={"timezone": "Asia/Tokyo"})
    assert times(found) == ["2024-01-19 07:30:00", "2024-01-18 22:30:00"]
    assert "1 value(s) of date carry no UTC offset" in said(problems)


def test_a_zone_after_a_declared_format_is_understood_too(build):
    for form in ("%d/%m/%Y", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S %z"):
        found, problems = build(
            orders("03/02/2025 22:30:00 UTC"), date_format=form, card={"timezone": "Australia/Sydney"}
        )
        assert not errors(problems)
        assert times(found) == ["2025-02-04 09:30:00"]


def test_a_declared_year_of_four_digits_is_not_the_year_25(build):
    assert "date can't be read" in errors(build(orders("13/02/25"), date_format="%d/%m/%Y")[1])


@pytest.mark.parametrize("zone", ["", "Z", " UTC", "+02:00"])
def test_each_of_many_times_of_a_day_is_its_own(build, zone):
    clocks = ["00:00:00", "09:05:06", "9:05:06", "23:59:59", "24:00:00", "12:00:00.250", "22:30"]
    written = [f"{day} {clock}{zone}" for day in ("2024-01-18", "2024-01-19") for clock in clocks]
    meant = ["00:00:00", "09:05:06", "09:05:06", "23:59:59", "00:00:00", "12:00:00.250000", "22:30:00"]
    days = ["2024-01-18"] * 7 + ["2024-01-19"] * 7
    days[4], days[11] = "2024-01-19", "2024-01-20"  # midnight at a day's end is the next day
    found, problems = build(orders(*written))
    assert times(found) == [f"{day} {clock}" for day, clock in zip(days, meant * 2, strict=True)]
    assert ("14 value(s) of date carry a UTC offset" in said(problems)) == (zone != "")


def test_a_time_that_is_no_time_and_one_before_the_day_are_read_as_before(build):
    found, problems = build(orders("2024-01-18 23:61:00", *["2024-01-18 10:00:00"] * 30))
    assert "1 of 31 row(s) dropped: date can't be read" in said(problems)
    form = "%d/%m/%Y %H:%M:%S"  # without a fraction
    found, problems = build(orders("18/01/2024 10:00:00.5", *["18/01/2024 10:00:00"] * 30), date_format=form)
    assert "1 of 31 row(s) dropped: date can't be read" in said(problems)
    found, problems = build(orders("10:20:30 18/01/2024", "11:20:31 19/01/2024"), date_format="%H:%M:%S %d/%m/%Y")
    assert times(found) == ["2024-01-18 10:20:30", "2024-01-19 11:20:31"]


def test_numbers_as_excel_counts_days_are_read_and_said(build):
    found, problems = build(orders("45309", "45313.5", "46000"))
    assert times(found) == ["2024-01-18 00:00:00", "2024-01-22 12:00:00", "2025-12-09 00:00:00"]
    assert "3 value(s) of date were read as days since 1899-12-30" in said(problems)


def test_numbers_out_of_the_range_of_dates_are_not_read_as_dates(build):
    assert "date can't be read" in errors(build(orders("12345", "99999"))[1])


def test_unix_seconds_without_a_time_zone_are_said_to_be_in_utc(build):
    found, problems = build(orders("1705617000", "1705617000.5"))
    assert times(found)[0] == "2024-01-18 22:30:00"
    assert "are in UTC" in said(problems)


def test_unix_microseconds_are_read_to_the_last_and_brought_to_the_time_of_the_shop(build):
    text = orders("1705617000000001", "1721341800000000")
    assert times(build(text)[0]) == ["2024-01-18 22:30:00.000001", "2024-07-18 22:30:00"]
    found, problems = build(text, card={"timezone": "Europe/Paris"})
    assert times(found) == ["2024-01-18 23:30:00.000001", "2024-07-19 00:30:00"]
    assert "2 value(s) of date were read as Unix microseconds, as their range proves" in said(problems)


@pytest.mark.parametrize(
    "written", [("2024-01", "2024-12"), ("202401", "202412"), ("2024/01", "2024/12"), ("01/2024", "12/2024")]
)
def test_a_month_is_its_first_day_and_said(build, written):
    found, problems = build(orders(*written))
    assert times(found) == ["2024-01-01 00:00:00", "2024-12-01 00:00:00"]
    assert "2 value(s) of date say a month" in said(problems)


@pytest.mark.parametrize(
    "dates",
    [
        ("2024-01-18", "19/01/2024"), ("20240118", "2024.01.19"), ("45309", "2024-01-19"),
        ("1705617000", "2024-01-19 10:00"), ("2024-01-18", "1705617000000", "19.01.2024"),
    ],
)  # fmt: skip
def test_dates_written_in_several_ways_are_read_as_the_message_says(build, dates):
    _, problems = build(orders(*dates))
    (problem,) = [problem for problem in problems if problem.grade == "error"]
    assert f"dates are written in {len(dates)} ways" in problem.what
    listed = problem.mend.split("date_format = ")[1].rstrip(".")
    found, problems = build(orders(*dates), date_format=json.loads(listed))
    assert not errors(problems)
    assert [time[:9] for time in times(found)] == ["2024-01-1"] * len(dates)


def test_a_date_that_fits_two_declared_formats_is_not_read(build):
    forms = ["%d/%m/%Y", "%m/%d/%Y"]
    assert "date can't be read" in errors(build(orders("03/04/2025"), date_format=forms)[1])
    assert times(build(orders("13/04/2025", "04/13/2025", "04/04/2025"), date_format=forms)[0]) == [
        "2025-04-13 00:00:00", "2025-04-13 00:00:00", "2025-04-04 00:00:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "written",
    ["18 Jan 2024", "Jan 18, 2024", "January 18, 2024", "18-JAN-2024", "Thu, 18 Jan 2024", "2024-Jan-18",
     "Thursday, January 18, 2024"],
)  # fmt: skip
def test_a_month_by_its_name_proves_itself(build, written):
    found, problems = build(orders(written, written + " 10:30 PM"))
    assert not errors(problems)
    assert times(found) == ["2024-01-18 00:00:00", "2024-01-18 22:30:00"]


@pytest.mark.parametrize(
    "dates",
    [
        ("01.02.2025", "03.04.2025"), ("1-2-2025", "3-4-2025"), ("01/02/2025",), ("01/02/25", "13/02/25"),
        ("01.02.25",), ("18-JAN-24",), ("13.02.2025", "02.13.2025"), ("13/02/2025 10:00", "02/13/2025 11:00 PM"),
    ],
)  # fmt: skip
def test_the_format_that_a_message_names_reads_the_file(build, dates):
    (problem,) = [problem for problem in build(orders(*dates))[1] if problem.grade == "error"]
    named = re.search(r"date_format = (\[.*?\]|\"[^\"]*\")", problem.mend)[1]
    found, problems = build(orders(*dates), date_format=json.loads(named))
    assert not errors(problems)
    assert len(times(found)) == len(dates)


def refused(problems):
    (problem,) = [problem for problem in problems if "date can't be read" in problem.what]
    assert problem.grade == "error"
    return problem


def test_a_few_dates_that_nothing_reads_can_be_left_out_as_the_message_says(build):
    dates = ["2025-01-03"] * 9 + ["soon", 'the "third"', "2025-13-45"]
    text = HEAD + "".join(f"c{i};{date};{i}\n" for i, date in enumerate(dates, 1)).replace(";", ",")
    text = text.replace('the "third"', "the third")
    mend = refused(build(text)[1]).mend
    found, problems = build(text, **tomllib.loads(re.search("drop = .*}", mend)[0]))
    assert not errors(problems)
    assert len(times(found)) == 9


@pytest.mark.parametrize("week", ["2025-W{:02d}", "{:02d}e semaine", "Q{}/2025"])
def test_dates_that_nothing_reads_are_said_as_they_look(build, week):
    mend = refused(build(orders(*(week.format(i) for i in range(10, 50))))[1]).mend
    assert re.sub("[0-9]", "9", week.format(10)) in mend
    assert "date_format" not in mend


def test_dates_of_another_form_than_the_declared_one_are_said_beside_it(build):
    mend = refused(build(orders("2025-01-03", "2025-01-04"), date_format="%d/%m/%Y")[1]).mend
    assert 'most look like 9999-99-99, 9 being a digit, which date_format = "%d/%m/%Y" isn\'t' in mend
