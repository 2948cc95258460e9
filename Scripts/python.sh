#!/bin/sh
# Makes .build/parity-venv, the Python environment of `make parity` and `make bench`. Does nothing
# where it is complete.
set -eu

cd "$(dirname "$0")/.."
Scripts/bootstrap.sh python
target=.build/parity-venv

if cmp -s Scripts/parity/requirements.txt "$target/requirements.txt"; then exit 0; fi

echo "making the Python environment $target (PyTorch and peers, about 2 GB)" >&2
rm -rf "$target"
python3 -m venv "$target"
pip="$target/bin/python -m pip --quiet --disable-pip-version-check"
# torchvision's own requirement would choose the version of PyTorch.
grep -v '^torchvision' Scripts/parity/requirements.txt >"$target/peers.txt"
$pip install --requirement "$target/peers.txt"
$pip install --no-deps "$(grep '^torchvision' Scripts/parity/requirements.txt)"
cp Scripts/parity/requirements.txt "$target/requirements.txt"
