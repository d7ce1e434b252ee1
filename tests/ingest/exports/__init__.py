"""One module a format of `clvlib/ingest/formats`: how its tool writes, at its worst, and rows of ours written so.

* `HABITS`: a small export with all that such files are known to do (text or bytes); `OPTIONS`: what a card must say
  beside path and format for it, if anything; `CARD`: the same above the sections;
* `EXPECTED`: the canonical rows that it holds, a tuple each, in the order of COLUMNS; `COLUMNS`: which columns these
  are; `DROPPED`: how many of its rows are left out;
* `MONEY`: the money of all its rows, if it is told; `OTHER`: other versions of the export, each with its canonical rows
  (their first columns of COLUMNS); `DAYS`: the export knows no time of day;
* `written(rows)`: rows like those of EXPECTED, as a frame, in its layout. Whatever rows a test makes up come back.
"""
