"""What changes customers: comparisons, experiments → effects with intervals, and when there is none to give.

In: a `Dataset`, who did or got what and when. Out: effects, the checks that could sink them, sizes of tests to come.
Actions and notebooks call.
"""
