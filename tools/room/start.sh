#!/bin/sh
# Sets up the course in this folder, without any network, and opens JupyterLab on notebook 00. Later starts only open it.
set -e
CDPATH="" cd -- "$(dirname -- "$0")"
wanted="@VERSION@"
mark="$PWD @PACKAGES@"
if [ "$(cat venv/.ready 2>/dev/null)" != "$mark" ]; then
  if [ ! -f requirements.txt ]; then
    echo "There is no requirements.txt beside start.sh: copy the whole folder. README.txt says more." >&2
    exit 1
  fi
  python=""
  for name in "python$wanted" python3 python; do
    if [ "$("$name" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$wanted" ]; then
      python="$name"
      break
    fi
  done
  if [ -z "$python" ]; then
    echo "This needs Python $wanted, which was not found. README.txt says more." >&2
    exit 1
  fi
  echo "Setting up: this takes some minutes, the first time only."
  rm -rf venv
  "$python" -m venv venv
  venv/bin/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --find-links wheels \
    --require-hashes -r requirements.txt
  printf '%s' "$mark" > venv/.ready
fi
exec venv/bin/clv lab demo "$@"
