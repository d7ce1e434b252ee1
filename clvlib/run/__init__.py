"""A dataset → executed notebooks, the report and the lists: the command `clv`, and all that it leaves on disk.

In: a dataset card, settings, the notebooks. Out: a folder of the run. Nobody imports it; it knows no method.
"""
