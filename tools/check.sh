#!/usr/bin/env bash
# Is the library what the notebooks export, are the notebooks clean, is the README the index notebook, is the lint quiet?
# It works on a copy: nothing in the checkout changes.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -d .venv/bin ] && PATH=$PWD/.venv/bin:$PATH
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R settings.ini nbs "$copy"
failed=0
say() { echo "check: $*"; }
bad() { say "$*"; failed=1; }

(cd "$copy" && nbdev_export)
# assets: templates and styles are written by hand, no notebook exports them
diff -ru -x __pycache__ -x assets fashion_nbdev "$copy/fashion_nbdev" | head -60 || bad "the library is not what the notebooks export: run 'make export' and commit"
(cd "$copy" && nbdev_clean)
diff -rq -x .ipynb_checkpoints -x .last_checked nbs "$copy/nbs" || bad "notebooks are not clean: run 'make export' and commit"
python tools/readme.py --check || bad "run 'make export' and commit"
ruff check --quiet --output-format concise || bad "ruff has something to say"
[ $failed = 0 ] && say "library, notebooks and README are in step, lint is quiet"
exit $failed
