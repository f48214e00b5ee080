#!/usr/bin/env bash
# What action.yml runs: see there. BASE, USED, PYTHON, TO and HERE are its inputs; GITHUB_STEP_SUMMARY is the job's summary.
set -euo pipefail

"$PYTHON" -c "import mockserver" 2>/dev/null || "$PYTHON" -m pip install -q "$HERE"

# A shallow clone may lack the base. A push that makes a branch has no commit before it.
case "$BASE" in
  "" | 0000000000000000000000000000000000000000) BASE=$(git rev-list --max-parents=0 HEAD | tail -1) ;;
esac
git cat-file -e "$BASE^{commit}" 2>/dev/null || git fetch -q --depth=1 origin "$BASE"

status=0
arguments=("$BASE")
[ "$USED" != true ] || arguments+=(--used)
"$PYTHON" -m mockserver review "${arguments[@]}" >"$TO" || status=$?
cat "$TO" >>"${GITHUB_STEP_SUMMARY:-/dev/stdout}"
exit "$status"
