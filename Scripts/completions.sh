#!/bin/sh
# Installs the completions of bash, zsh and fish.
#
#   Scripts/completions.sh PROGRAM SHARE
set -eu

program=$1
share=$2

install_completion() {
  install -d "$(dirname "$share/$2")"
  "$program" --generate-completion-script "$1" >"$share/$2"
}

install_completion bash bash-completion/completions/ascribe
install_completion zsh zsh/site-functions/_ascribe
install_completion fish fish/vendor_completions.d/ascribe.fish
