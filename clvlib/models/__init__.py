"""What will each customer do: customers' histories → forecasts, and how far to trust them.

In: frames of one row per customer (`aggregate`). Out: fitted models, scores per customer, backtests. `forecast` fits
purchases and spend, `buying` asks all its models, `hybrid` corrects them by what they missed in past `windows`,
`scoring` looks ahead, `backtest` and `misses` hold forecasts against months that came, `silence`, `churn`, `ranking`
and `worth` look at who stays away, `subscriptions` at who cancels. Value, actions, notebooks call.
"""
