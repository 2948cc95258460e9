#!/bin/sh
# Installs the Debian packages that are missing, and nothing where all are there.
#
#   Scripts/bootstrap.sh [test] [python] [slurm] [kubernetes]
#
# Without arguments: what the build needs. `test` adds what the tests need, `python` what the
# comparisons with PyTorch and onnxruntime need, `slurm` and `kubernetes` what the tests of running
# on such clusters need.
set -eu

say() { echo "bootstrap: $*" >&2; }

fail() {
  say "$*"
  exit 1
}

packages="binutils pkg-config libgcc-12-dev libstdc++-12-dev libprotobuf-c-dev libonnx-dev
  libprotobuf-dev libdnnl-dev libopenblas-openmp-dev libgd-dev libexif-dev libtiff-dev libssl-dev
  libsqlite3-dev"
for purpose in "$@"; do
  case "$purpose" in
    test)
      packages="$packages protobuf-c-compiler"
      python3 -m pip --version >/dev/null 2>&1 || packages="$packages python3 python3-pip"
      ;;
    python)
      python3 -c 'import ensurepip, venv' 2>/dev/null || packages="$packages python3 python3-venv"
      # What PyTorch compiles networks with.
      packages="$packages g++"
      ;;
    slurm)
      packages="$packages munge procps slurm-wlm"
      ;;
    kubernetes)
      python3 -c 'import yaml' 2>/dev/null || packages="$packages python3 python3-yaml"
      ;;
    *)
      echo "usage: Scripts/bootstrap.sh [test] [python] [slurm] [kubernetes]" >&2
      exit 64
      ;;
  esac
done

toolchain=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p')
[ -n "$toolchain" ] || fail "there is no 'swift' on the PATH; install Swift 6.3 for Debian 12" \
  "from https://www.swift.org/install/linux/"
major=${toolchain%.*}
if [ "$major" -lt 6 ] || { [ "$major" -eq 6 ] && [ "${toolchain#*.}" -lt 3 ]; }; then
  fail "Swift $toolchain is too old; install Swift 6.3 from https://www.swift.org/install/linux/"
fi

command -v dpkg-query >/dev/null ||
  fail "this is no Debian; install what stands for these packages here:" $packages

missing=
for package in $packages; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || fail "not root and without sudo; as root: apt-get install$missing"
  as_root=sudo
fi
export DEBIAN_FRONTEND=noninteractive
say "updating the list of Debian packages"
$as_root apt-get update -qq || fail "apt-get update failed; see above"
say "installing$missing"
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
  fail "apt-get install failed; see above"
say "done"
