"""What changes customers: comparisons, experiments → effects with intervals, and when there is none to give.

In: a `Dataset`, who did or got what and when. Out: effects, the checks that could sink them, sizes of tests to come.
Actions and notebooks call. In examples, `seen` is a made-up study of channels and `fitted` its adjustment; `test` is a
made-up test of a mail, `clocked` its customers' purchases in CDNOW, `done` what they did, `before` what was known
before, and `reading` all of it.
"""
