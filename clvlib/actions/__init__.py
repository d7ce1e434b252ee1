"""What to do: what is at stake, effects, consent and a budget → a plan, and the lists to carry it out.

In: a `Dataset`, forecasts, values, effects of tests. Out: choices per customer, a plan within a budget, control groups,
recommendations, lists. Notebooks call.
"""
