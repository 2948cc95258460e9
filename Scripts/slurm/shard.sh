#!/usr/bin/env bash
# One shard of an evaluation: a task of the array that evaluate.sh submits.
#
#   shard.sh ASCRIBE FOLDER SHARDS ARGUMENT...
#
# A run resumes by itself, so a task may be requeued at any time, and asks for it where it was
# stopped: by Slurm shortly before its time is over, or by a signal from elsewhere.
#
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@120
set -euo pipefail

program=$1 folder=$2 shards=$3
shift 3
shard=$SLURM_ARRAY_TASK_ID
task=${SLURM_ARRAY_JOB_ID}_$shard
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

# The last lines of a log are what evaluate.sh --wait reports.
finish() {
  echo "$2"
  exit "$1"
}

# RUNNING while Slurm wants the task to run: it was not cancelled, nor requeued by others.
state() { squeue --noheader --jobs "$task" --format %T; }

# Before the time is over, Slurm tells this script alone. When it takes the task away, it tells all
# processes, and a second signal would end ascribe before its picture is finished.
told=
tell() {
  told=yes
  if [ -n "${!:-}" ]; then
    case "$(state || true)" in
      RUNNING | '') kill -TERM "$!" 2>/dev/null || true ;;
    esac
  fi
}
trap tell TERM INT
echo "shard $shard of $shards on $(hostname), start $((${SLURM_RESTART_COUNT:-0} + 1))"
"$program" evaluate "$@" --shard "$shard/$shards" --output "$folder/$shard-of-$shards.sqlite" &
status=0
wait "$!" || status=$?
# A signal ends `wait` before the program ends.
while [ -n "$told" ]; do
  told=
  status=0
  wait "$!" || status=$?
done

case "$status" in
  0) finish 0 "shard $shard of $shards is complete" ;;
  130 | 143) again=yes ;;
  # Killed, perhaps for its memory: that may last.
  137) [ "${SLURM_RESTART_COUNT:-0}" -lt 5 ] && again=yes || again= ;;
  *) again= ;;
esac
if [ -n "$again" ] && [ "$(state)" = RUNNING ]; then
  echo "ascribe was stopped (status $status); requeued, to go on where it stopped"
  scontrol requeue "$task" && exit "$status"
fi
finish "$status" "ascribe ended with status $status"
