"""`python -m tools.room`."""

from tools.room import main

main()
