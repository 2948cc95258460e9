#!/usr/bin/env bash
# Evaluates in shards on a Slurm cluster. `Scripts/slurm/evaluate.sh --help` says how.
set -euo pipefail

usage() {
  cat <<'END'
Evaluates in shards on a Slurm cluster: a job array, and a job that merges its results.

usage: Scripts/slurm/evaluate.sh --shards N --output RESULTS.sqlite [OPTION...] -- ARGUMENT...

  --shards N         how many parts the pictures are divided into, one array task each
  --output FILE      where the merged results go; shards and logs go to RESULTS.shards beside it
  --at-once K        run at most K tasks at the same time
  --sbatch OPTIONS   more options for sbatch, split at blanks, for all jobs; may be repeated
  --wait             return when all is over: with the summary, or with what failed and status 1
  --dry-run          print what would be submitted
  --help             print this

ARGUMENT... is what follows `ascribe evaluate`: MODEL... --data DATA --methods ... --metrics ...
Models, data and results lie on a file system that all nodes share. The variable ASCRIBE names the
program if it is not on the PATH.

The same command submits the rest again after whatever went wrong: finished shards end at once,
others go on where they stopped.
END
}

say() { echo "evaluate.sh: $*" >&2; }

fail() {
  say "$*"
  exit 64
}

shards='' output='' at_once='' wait='' dry_run=''
extra=()
while [ $# -gt 0 ]; do
  case "$1" in
    --shards | --output | --at-once | --sbatch)
      [ $# -ge 2 ] && [ -n "$2" ] || fail "$1 needs a value"
      case "$1" in
        --shards) shards=$2 ;;
        --output) output=$2 ;;
        --at-once) at_once=$2 ;;
        --sbatch)
          read -ra words <<<"$2"
          extra+=("${words[@]}")
          ;;
      esac
      shift 2
      ;;
    --wait | --dry-run)
      [ "$1" = --wait ] && wait=yes || dry_run=yes
      shift
      ;;
    --help | -h)
      usage
      exit
      ;;
    --)
      shift
      break
      ;;
    *) fail "'$1' is unknown; what 'ascribe evaluate' takes stands after '--' (see --help)" ;;
  esac
done

number='^[1-9][0-9]{0,5}$'
[[ $shards =~ $number ]] || fail "--shards needs a number from 1 on"
[[ -z $at_once || $at_once =~ $number ]] || fail "--at-once needs a number from 1 on"
[ -n "$output" ] || fail "--output is missing"
[ $# -gt 0 ] || fail "nothing to evaluate: '-- MODEL --data DATA ...' is missing"
for argument in "$@"; do
  case "$argument" in
    --output | --output=* | --shard | --shard=*)
      fail "'${argument%%=*}' stands after '--'; the tasks of the array set it"
      ;;
  esac
done
[ ! -e "$output" ] || fail "$output exists; move it away to evaluate again"

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Slurm takes jobs for the folder that they are submitted from; these paths hold in any.
absolute() { realpath --no-symlinks -- "$1"; }
program=$(command -v -- "${ASCRIBE:-ascribe}") ||
  fail "there is no '${ASCRIBE:-ascribe}'; name the program by ASCRIBE=/path/to/ascribe"
program=$(absolute "$program")
output=$(absolute "$output")
folder=${output%.sqlite}.shards
# In names of logs, Slurm takes % for the start of a pattern.
logs=${folder//%/%%}

array_job=(sbatch --parsable --job-name=ascribe --array="1-$shards${at_once:+%$at_once}"
  --output="$logs/%a-of-$shards.log" "${extra[@]}"
  "$scripts/shard.sh" "$program" "$folder" "$shards" "$@")
merge_job() {
  merge=(sbatch --parsable --job-name=ascribe-merge --dependency="afterok:$1"
    --kill-on-invalid-dep=yes --output="$logs/merge.log" "${extra[@]}"
    "$scripts/merge.sh" "$program" "$folder" "$shards" "$output")
}

if [ -n "$dry_run" ]; then
  merge_job ARRAY
  printf '%q ' "${array_job[@]}" && echo
  printf '%q ' "${merge[@]}" && echo
  exit
fi

command -v sbatch >/dev/null || fail "there is no 'sbatch' on the PATH; is this a Slurm cluster?"

# Whether a job of the given numbers is in the queue. No answer is no end.
busy() {
  local queue
  queue=$(squeue --noheader --user "$(id -un)" --format %F) || return 0
  grep --quiet --line-regexp --fixed-strings "$1" <<<"$queue"
}

mkdir -p "$folder"
# Two writers to one shard would get into each other's way.
if [ -s "$folder/jobs" ] && busy "$(cat "$folder/jobs")"; then
  fail "jobs $(paste -sd ' ' "$folder/jobs") are still at it; wait for them or scancel them"
fi

array=$("${array_job[@]}")
array=${array%%;*}
echo "$array" >"$folder/jobs"
merge_job "$array"
if ! merge_number=$("${merge[@]}"); then
  scancel "$array" || true
  fail "the merge was not submitted; array $array is cancelled"
fi
merge_number=${merge_number%%;*}
echo "$merge_number" >>"$folder/jobs"
echo "array $array: $shards shards; job $merge_number merges them; logs in $folder"
[ -n "$wait" ] || exit 0

pause=1
while busy "$array"$'\n'"$merge_number"; do
  sleep "$pause"
  [ "$pause" -ge 16 ] || pause=$((2 * pause))
done
if [ -e "$output" ]; then
  cat "$folder/merge.log"
  exit
fi
# What ended a job, and how: the last lines of its log.
last_words() {
  if [ -s "$1" ]; then
    tail -n 2 "$1" | sed 'N; s/\n/; /'
  else
    echo "no log"
  fi
}
bad=
for ((i = 1; i <= shards; i++)); do
  log=$folder/$i-of-$shards.log
  if ! tail -n 1 "$log" 2>/dev/null | grep --quiet "^shard $i of $shards is complete$"; then
    bad=yes
    say "shard $i of $shards: $(last_words "$log")"
  fi
done
[ -n "$bad" ] || say "merge: $(last_words "$folder/merge.log")"
say "nothing is merged; logs in $folder; the same command submits the rest again"
exit 1
