"""Data of made-up shops: a folder and a size go in, a file comes out, and what is in it, in words.

Purchases and orders are written by DuckDB, streaming: any size fits that the disk holds.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

AS_OF, DAYS = "2024-12-31", 1095
PARAMS, SPEND = (0.70, 35.0, 0.66, 3.2), (6.0, 4.0, 60.0)  # of `known`
CARD = 'currency = "EUR"\n[transactions]\npath = "{file}"\n'
# Rates of purchases, lifetimes and baskets differ from customer to customer; 4.7 purchases each, in three years.
PURCHASES = """
    COPY (
        WITH drawn AS (
            SELECT customer, 1 + hash(customer, 1) % {days} AS age,
                   -ln(1 - hash(customer, 2) / 2.0**64) / 100 AS rate,
                   -ln(1 - hash(customer, 3) / 2.0**64) * 500 AS life,
                   20 * exp(hash(customer, 4) / 2.0**64) AS basket, hash(customer, 5) / 2.0**64 AS rest
            FROM range({size}) AS customers(customer)
        )
        SELECT 'C' || customer AS customer_id,
               (DATE '{as_of}' - (age - floor(
                   if(nth = 0, 0, hash(customer, nth + 6) / 2.0**64 * least(life, age))
               ))::INT)::TIMESTAMP AS date,
               round(basket * (0.5 + hash(customer, -nth) / 2.0**64), 2) AS amount
        FROM drawn, unnest(range((1 + floor(rate * least(life, age) + rest))::BIGINT)) AS each(nth)
    ) TO '{file}' (FORMAT parquet)
"""
# Two lines an order, five orders a customer, in three years; every fiftieth line is sent back.
ORDERS = """
    COPY (
        SELECT 'A' || (line // 2 + 100000000) AS order_id,
               'c' || lpad((hash(line // 2) % greatest({size} // 10, 1))::VARCHAR, 8, '0') AS customer_id,
               strftime(DATE '{as_of}' - to_seconds((hash(line // 2 + 1) % ({days} * 86400))::BIGINT),
                        '%Y-%m-%d %H:%M:%S') AS date,
               printf('%.2f', if(hash(line + 2) % 50 = 0, -1, 1) * (500 + hash(line + 3) % 19500) / 100) AS amount,
               ['web', 'store', 'app'][(hash(line // 2 + 4) % 3)::INT + 1] AS channel,
               'P' || (hash(line + 5) % 5000 + 10000) AS product
        FROM range({size}) AS lines(line)
    ) TO '{file}' (HEADER, DELIMITER ',')
"""


def short(n: float) -> str:
    """A number in three digits, with k or M."""
    return f"{n / 1e6:.3g}M" if n >= 1e6 else f"{n / 1e3:.3g}k" if n >= 1e3 else f"{n:.3g}"


def purchases(folder: Path, customers: int) -> str:
    """Write purchases.parquet and its card, shop.toml."""
    rows = _written(PURCHASES, folder / "purchases.parquet", customers)
    return f"{short(customers)}, {short(rows)} rows"


def orders(folder: Path, lines: int) -> str:
    """Write orders.csv and its card, shop.toml."""
    return f"{short(_written(ORDERS, folder / 'orders.csv', lines))} rows"


def histories(folder: Path, customers: int) -> str:
    """Write histories.parquet: what `known` gives."""
    known(customers).to_parquet(folder / "histories.parquet")
    return short(customers)


def known(customers: int) -> "pd.DataFrame":
    """What a shop knows of BG/NBD customers, in whole days, and of their Gamma-Gamma spend. All are held at once."""
    import numpy as np

    from tools.demo_shop import simulate

    ages = np.random.default_rng(0).integers(1, 731, customers).astype(float)
    seen = simulate.bg_nbd(customers, PARAMS, ages, seed=1).customers[["frequency", "recency", "T"]]
    spend = simulate.gamma_gamma(seen["frequency"], SPEND, seed=2)["monetary_value"].to_numpy()
    return seen.assign(recency=np.ceil(seen["recency"]), monetary_value=spend)


def _written(query: str, file: Path, size: int) -> int:
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET memory_limit = '2GB'; SET enable_progress_bar = false")
    [(rows,)] = connection.execute(query.format(size=size, days=DAYS, as_of=AS_OF, file=file)).fetchall()
    file.with_name("shop.toml").write_text(CARD.format(file=file.name))
    return rows
