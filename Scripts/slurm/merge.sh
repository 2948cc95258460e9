#!/usr/bin/env bash
# Merges the shards of an evaluation: the last job that evaluate.sh submits.
#
#   merge.sh ASCRIBE FOLDER SHARDS RESULTS
#
#SBATCH --requeue
#SBATCH --open-mode=truncate
set -euo pipefail

program=$1 folder=$2 shards=$3 output=$4
files=()
for ((i = 1; i <= shards; i++)); do files+=("$folder/$i-of-$shards.sqlite"); done

# The results appear when they are whole, however often the job has to start.
rm -f "$folder"/merging.sqlite*
"$program" merge "${files[@]}" --output "$folder/merging.sqlite"
mv "$folder/merging.sqlite" "$output"
"$program" summary "$output"
