#!/bin/sh
# Fetches the ONNX backend test cases into .build/onnx: the data files of PyPI's wheel onnx 1.22.0,
# none of which is executed. Does nothing where they are there.
set -eu

cd "$(dirname "$0")/.."
version=1.22.0
target=.build/onnx

if [ "$(cat "$target/version" 2>/dev/null)" = "$version" ]; then exit 0; fi

echo "fetching the test cases of onnx $version from PyPI into $target" >&2
mkdir -p .build
scratch=$(mktemp -d .build/onnx.XXXXXX)
trap 'rm -rf "$scratch"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
  --dest "$scratch" "onnx==$version"
python3 - "$scratch" <<'PYTHON'
import shutil
import sys
import zipfile
from pathlib import Path

folder = Path(sys.argv[1])
(wheel,) = folder.glob("onnx-*.whl")
prefix = "onnx/backend/test/data/"
with zipfile.ZipFile(wheel) as archive:
    members = [name for name in archive.namelist() if name.startswith(prefix)]
    archive.extractall(folder / "wheel", members)
(folder / "wheel" / prefix).rename(folder / "data")
shutil.rmtree(folder / "wheel")
wheel.unlink()
PYTHON
echo "$version" >"$scratch/version"
rm -rf "$target"
chmod 755 "$scratch"
mv "$scratch" "$target"
