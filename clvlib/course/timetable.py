"""Sections and a length of class → what is taught when, with breaks, in one day or two."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from clvlib.course.outline import PLANS, Outline, Section
from clvlib.language import translated

_START = 9 * 60  # minutes after midnight
PAUSE, LUNCH = 15, 60
AT_A_STRETCH = 100  # most minutes without a break
_Taught = tuple[Outline, Section]


@dataclass(frozen=True)
class Slot:
    """A line of a timetable: a section of a notebook, or a break (`notebook` is empty). Times in minutes of the day."""

    begins: int
    minutes: int
    notebook: str
    what: str

    @property
    def clock(self) -> str:
        """When it begins and ends, as on a clock."""
        ends = self.begins + self.minutes
        return f"{self.begins // 60}:{self.begins % 60:02} – {ends // 60}:{ends % 60:02}"


def timetable(outlines: Sequence[Outline], plan: str) -> list[list[Slot]]:
    """What a class of that length does when: one list a day, in the order of the tour."""
    taught = [(outline, section) for outline in outlines for section in outline.sections if section.taught_in(plan)]
    days = _halved(taught) if plan == "two days" else [taught]
    return [_day(each, has_lunch=plan != "half day") for each in days]


def _minutes(taught: Sequence[_Taught]) -> int:
    return sum(section.minutes for _, section in taught)


def _halved(taught: list[_Taught]) -> list[list[_Taught]]:
    """Two days, as even as they can be where a notebook ends; within one only where a day would be too long."""
    places = range(1, len(taught))

    def longer(place: int) -> int:
        return max(_minutes(taught[:place]), _minutes(taught[place:]))

    between = [place for place in places if taught[place - 1][0].stem != taught[place][0].stem]
    best = min(between, key=longer, default=0)
    if not between or longer(best) > PLANS["one day"]:
        best = min(places, key=longer, default=0)
    return [part for part in (taught[:best], taught[best:]) if part]


def _day(taught: list[_Taught], has_lunch: bool) -> list[Slot]:
    """One day: stretches as even as the sections allow, a break between each two, the middle one lunch."""
    stretches = max(1, math.ceil(_minutes(taught) / AT_A_STRETCH))
    middle = math.ceil(stretches / 2)
    slots: list[Slot] = []
    now, done, begun = _START, 0, 1
    for outline, section in taught:
        if begun < stretches and done + section.minutes / 2 > begun * _minutes(taught) / stretches:
            lunch = has_lunch and begun == middle
            slots.append(Slot(now, LUNCH if lunch else PAUSE, "", translated("lunch" if lunch else "break")))
            now, begun = now + slots[-1].minutes, begun + 1
        slots.append(Slot(now, section.minutes, outline.number, section.title))
        now, done = now + section.minutes, done + section.minutes
    return slots
