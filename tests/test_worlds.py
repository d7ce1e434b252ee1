"""One seed of worlds of `benchmarks/worlds`, and the rule by which a promise is judged."""

from itertools import groupby

import pytest

from benchmarks.worlds import every, proof
from clvlib.errors import NotEnoughData

SEED = 0
NEAR = 2.0  # half-widths of a 95 % interval: about four standard errors, so that no seed has to be chosen


def worlds():
    """Every world; the first of each method is a quick one."""
    return [
        pytest.param(world, marks=pytest.mark.proof if place else (), id=f"{method}: {world.name}")
        for method, those in groupby(every(), key=lambda world: world.method)
        for place, world in enumerate(those)
    ]


@pytest.mark.parametrize("world", worlds())
def test_a_method_stays_near_the_truth(world):
    answer = proof.once(world, SEED)
    if world.kind == "refuses":
        assert answer is None
    elif answer is not None:
        centre, half = (answer.low + answer.high) / 2, (answer.high - answer.low) / 2
        assert abs(answer.truth - centre) <= NEAR * half


def fixed(answers):
    def run(seed):
        if answers[seed] is None:
            raise NotEnoughData("refused")
        return proof.Answer(0.0, 1.0, *answers[seed])

    return run


@pytest.mark.parametrize(
    ("kind", "level", "answers", "kept"),
    [
        ("covers", 0.93, [(-1, 1)] * 95 + [(1, 2)] * 5, True),
        ("covers", 0.93, [(-1, 1)] * 85 + [(1, 2)] * 15, False),
        ("alarms", 0.05, [(-1, 1)] * 95 + [(1, 2)] * 5, True),
        ("alarms", 0.05, [(-1, 1)] * 85 + [(1, 2)] * 15, False),
        ("errs", 0.05, [None] * 90 + [(-1, 1)] * 5 + [(1, 2)] * 5, True),
        ("errs", 0.05, [None] * 80 + [(-1, 1)] * 5 + [(1, 2)] * 15, False),
        ("refuses", 1.0, [None] * 100, True),
        ("refuses", 1.0, [None] * 99 + [(-1, 1)], False),
    ],
)
def test_a_promise_is_missed_when_chance_does_not_explain_it(kind, level, answers, kept):
    world = proof.World("a method", "a world", fixed(answers), kind, level)
    assert proof.judge(world, [proof.once(world, seed) for seed in range(100)])["kept"] is kept


def test_refusing_everything_keeps_no_promise_to_answer():
    world = proof.World("a method", "a world", fixed([None] * 20), answers=0.9)
    assert not proof.judge(world, [proof.once(world, seed) for seed in range(20)])["kept"]


def test_a_few_refusals_more_than_promised_are_chance():
    world = proof.World("a method", "a world", fixed([None] * 3 + [(-1, 1)] * 17), answers=0.9)
    assert proof.judge(world, [proof.once(world, seed) for seed in range(20)])["kept"]


def test_an_interval_of_any_width_keeps_no_promise():
    for half, kept in ((5, True), (9, False)):
        world = proof.World("a method", "a world", fixed([(-half, half)] * 20))
        row = proof.judge(world, [proof.once(world, seed) for seed in range(20)])
        assert row["times"] == pytest.approx(half / 1.96, rel=1e-3)
        assert row["kept"] is kept


def test_a_share_has_the_interval_of_clopper_and_pearson():
    world = proof.World("a method", "a world", fixed([(-1, 1)] * 9 + [(1, 2)]))
    row = proof.judge(world, [proof.once(world, seed) for seed in range(10)])
    assert (row["share_low"], row["share_high"]) == pytest.approx((0.5550, 0.9975), abs=1e-4)
