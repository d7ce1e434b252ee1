"""What will each customer do: customers' histories → forecasts, and how far to trust them.

In: frames of one row per customer (`aggregate`). Out: fitted models, scores per customer, backtests. `forecast` fits
purchases and spend, `buying` asks all its models, `hybrid` corrects them by what they missed in past `windows` (its
`trees` are asked all at once), `outlook` takes the best that a history allows, `ranges` says how sure that is of one
customer, `scoring` values, `streamed` does so for however many, `backtest` and `rolling` hold forecasts against months
that came, `drift` those that earlier runs kept, `silence`, `churn`, `ranking` and `worth` look at who stays away,
`subscriptions` at who cancels; `drop_in` is for code that calls lifetimes. Value, actions, notebooks call.
In examples, `history` is that of the sample, `foreseen` what is foreseen from it for a year, `rolled` what earlier
forecasts were worth.
"""
