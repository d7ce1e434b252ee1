"""A client's files → canonical tables, each row kept or left out for a stated reason.

In: a dataset card and the files that it names. Out: tables as DuckDB keeps them, the ledger of rows and money, and
every problem. `reading` is the way through; `sources` opens files, `exports` knows those of tools, `shapes` works out
columns that they lack, `columns` says what each column is, `casting` and
`dates` read texts as values, `rules` say which rows count, `account` what became of each. The hall (`clvlib.dataset`)
and the command call; no method does.
"""
