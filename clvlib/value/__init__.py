"""What are customers worth: histories, forecasts and costs → CLV, segments, stages, the value of the base.

In: a `Dataset`, frames per customer, fitted models. Out: money per customer, group and date, with what was spent to win
them. Actions and notebooks call; nothing here knows what causes anything.
"""
