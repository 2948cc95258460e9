#!/usr/bin/env bash
# Evaluates on a Slurm cluster of one node, disturbs the tasks, and compares the merged results with
# those of an undivided run, byte for byte. `make test-slurm` runs it, as root.
#
#   Tests/Slurm/run.sh [DATA [MODEL]]
#
# The cluster lives in a temporary folder, with daemons, keys, ports and sockets of its own; nothing
# of a cluster that the machine may belong to is touched. ASCRIBE names the program, METHODS, METRICS
# and SHARDS what it does.
set -euo pipefail

cd "$(dirname "$0")/../.."
data=${1:-models/shapes/images}
model=${2:-models/shapes.onnx}
export ASCRIBE=${ASCRIBE:-.build/release/ascribe}
shards=${SHARDS:-8}
arguments=(--methods "${METHODS:-ig:32,gradient}"
  --metrics "${METRICS:-accuracy,kpm,kam,difference}")
evaluate=Scripts/slurm/evaluate.sh

say() { echo "test-slurm: $*" >&2; }

fail() {
  say "FAIL: $*"
  exit 1
}

[ "$(id -u)" -eq 0 ] || fail "the daemons of Slurm need root"
[ -x "$ASCRIBE" ] || fail "there is no $ASCRIBE; make build"
# The daemons are not on everyone's PATH.
PATH=$PATH:/usr/sbin:/sbin
for command in munged mungekey slurmctld slurmd sbatch scontrol; do
  command -v "$command" >/dev/null || fail "there is no '$command'; Scripts/bootstrap.sh slurm"
done

# A folder of the name that a careless script would break on.
temporary=$(mktemp -d)
folder="$temporary/a cluster, 100%"
mkdir -p "$folder" "$temporary/state" "$temporary/spool"
daemons=()
clean() {
  local status=$?
  if [ "$status" -ne 0 ]; then
    tail -n 5 "$folder"/*/*.log "$temporary"/*.log 2>/dev/null || true
  fi
  # Jobs first: nobody else would end them.
  if [ ${#daemons[@]} -gt 1 ]; then
    scancel --user root 2>/dev/null || true
    for ((i = 0; i < 20; i++)); do
      [ -n "$(squeue --noheader 2>/dev/null)" ] || break
      sleep 0.5
    done
  fi
  for daemon in "${daemons[@]}"; do
    kill "$daemon" 2>/dev/null || true
    wait "$daemon" 2>/dev/null || true
  done
  rm -rf "$temporary"
  exit "$status"
}
trap clean EXIT
trap 'exit 130' INT TERM

# A cluster of this machine alone. A requeued job waits for as long as a credential lives: 5 s here,
# 120 s unless configured.
port=$((20000 + RANDOM % 20000))
node=$(hostname -s)
export SLURM_CONF=$temporary/slurm.conf
cat >"$SLURM_CONF" <<END
ClusterName=test
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$temporary/munge.socket,cred_expire=5
StateSaveLocation=$temporary/state
SlurmdSpoolDir=$temporary/spool
SlurmctldPidFile=$temporary/slurmctld.pid
SlurmdPidFile=$temporary/slurmd.pid
SlurmctldLogFile=$temporary/slurmctld.log
SlurmdLogFile=$temporary/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=1,sched_interval=1,bf_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=10
MailProg=/bin/true
NodeName=$node NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=10 State=UP
END

mungekey --create --keyfile "$temporary/munge.key"
chmod 755 "$temporary"
munged --foreground --key-file "$temporary/munge.key" --socket "$temporary/munge.socket" \
  --pid-file "$temporary/munge.pid" --seed-file "$temporary/munge.seed" \
  --log-file "$temporary/munged.log" >"$temporary/munged.out.log" 2>&1 &
daemons+=($!)
for ((i = 0; i < 50; i++)); do
  [ ! -S "$temporary/munge.socket" ] || break
  sleep 0.1
done
slurmctld -D -c >"$temporary/slurmctld.out.log" 2>&1 &
daemons+=($!)
slurmd -D -c >"$temporary/slurmd.out.log" 2>&1 &
daemons+=($!)
for ((i = 0; i < 100; i++)); do
  [ "$(sinfo --noheader --format %T 2>/dev/null)" != idle ] || break
  sleep 0.2
done
[ "$(sinfo --noheader --format %T 2>/dev/null)" = idle ] || fail "the cluster does not start"
say "$(sinfo --version) on one node runs"

# submit NAME DATA SHARDS OPTION...: submits and waits, in the background, in a folder of its own.
submit() {
  local name=$1 pictures=$2 count=$3
  shift 3
  mkdir -p "$folder/$name"
  : >"$folder/$name/said"
  "$evaluate" --shards "$count" --output "$folder/$name/results.sqlite" --wait \
    --sbatch "--cpus-per-task=1 --time=5" -- "$model" --data "$pictures" "${arguments[@]}" "$@" \
    >"$folder/$name/said" 2>&1 &
  submitted=$!
  for ((i = 0; i < 100; i++)); do
    array=$(sed -n 's/^array \([0-9]*\):.*/\1/p' "$folder/$name/said")
    [ -z "$array" ] || return 0
    kill -0 "$submitted" 2>/dev/null || break
    sleep 0.1
  done
  cat "$folder/$name/said"
  fail "nothing was submitted"
}

# at_work NAME SHARD COUNT [kept]: waits until the program works at the shard, and has kept pictures if
# this is asked for; prints its process.
at_work() {
  local file="$folder/$1/results.shards/$2-of-$3.sqlite" kept=${4:-} process
  for ((i = 0; i < 600; i++)); do
    process=$(pgrep --full --oldest -- "evaluate .*--output $file" || true)
    if [ -n "$process" ] && [ -s "$file" ]; then
      # A summary may be asked for at any time.
      if [ -z "$kept" ] ||
        "$ASCRIBE" summary "$file" --json 2>/dev/null | grep -Eq '"done" ?: ?[1-9]'; then
        echo "$process"
        return
      fi
    fi
    sleep 0.05
  done
  fail "nobody was seen to work at shard $2 of $1"
}

# field TASK NAME: what Slurm knows of a task.
field() { scontrol show job --oneliner "$1" | sed -n "s/.*\\b$2=\\([^ ]*\\).*/\\1/p"; }

# The undivided run.
mkdir "$folder/whole"
began=$SECONDS
OMP_NUM_THREADS=1 "$ASCRIBE" evaluate "$model" --data "$data" "${arguments[@]}" \
  --output "$folder/whole/results.sqlite" >"$folder/whole/run.log" 2>&1
say "undivided: $((SECONDS - began)) s"

# same NAME: what the summaries of the merged results say is what those of the undivided ones say.
same() {
  for form in "" --json --csv; do
    "$ASCRIBE" summary "$folder/whole/results.sqlite" ${form:+"$form"} >"$folder/whole/summary"
    "$ASCRIBE" summary "$folder/$1/results.sqlite" ${form:+"$form"} >"$folder/$1/summary"
    [ -s "$folder/whole/summary" ] || fail "the summary $form is empty"
    cmp "$folder/whole/summary" "$folder/$1/summary" ||
      fail "$1: summary $form differs from that of the undivided run"
  done
}

# 1. Three tasks are disturbed. They go on by themselves.
began=$SECONDS
submit disturbed "$data" "$shards"
first=$(at_work disturbed 1 "$shards" kept)
kill -KILL "$first"
at_work disturbed 2 "$shards" >/dev/null
sleep 0.3
scontrol requeue "${array}_2"
at_work disturbed 3 "$shards" >/dev/null
sleep 0.3
# The signal that Slurm sends before the time is over. It arrives, yet Slurm 22.05 makes scancel try
# again.
timeout 2 scancel --quiet --signal=TERM --batch "$(field "${array}_3" JobId)" || true
if "$evaluate" --shards "$shards" --output "$folder/disturbed/results.sqlite" -- "$model" \
  >"$folder/disturbed/second" 2>&1; then
  fail "two evaluations were let at the same shards"
fi
grep --quiet "still at it" "$folder/disturbed/second" || fail "a second submission: no reason given"
wait "$submitted" || fail "the disturbed evaluation: $(cat "$folder/disturbed/said")"
for task in 1 2 3; do
  [ "$(field "${array}_$task" Restarts)" -ge 1 ] || fail "task $task did not start again"
done
same disturbed
say "a task killed, one requeued, one stopped: same summaries, $((SECONDS - began)) s"

# 2. A task is killed with its script. Slurm gives it up; the same command submits the rest.
began=$SECONDS
submit "given up" "$data" 2
second=$(at_work "given up" 2 2)
kill -KILL "$(ps --no-headers -o ppid "$second" | tr -d ' ')" "$second"
if wait "$submitted"; then fail "a task was killed, and nobody complains"; fi
grep --quiet "shard 2 of 2: " "$folder/given up/said" || fail "no word on the killed task"
[ ! -e "$folder/given up/results.sqlite" ] || fail "results without a shard"
submit "given up" "$data" 2
wait "$submitted" || fail "submitted again: $(cat "$folder/given up/said")"
same "given up"
say "a task killed with its script, submitted again: same summaries, $((SECONDS - began)) s"

# 3. A shard that fails is not merged, and the reason is given.
began=$SECONDS
for class in "$data"/*/; do
  mkdir -p "$folder/broken/$(basename "$class")"
  find "$class" -type f | sort | head -n 1 |
    xargs -d '\n' cp --target-directory "$folder/broken/$(basename "$class")"
done
echo "no picture" >"$folder/broken/$(basename "$class")/broken.png"
mkdir "$folder/strict"
submit strict "$folder/broken" 2 --strict
if wait "$submitted"; then fail "a picture is broken, and nobody complains"; fi
[ ! -e "$folder/strict/results.sqlite" ] || fail "results of a broken shard"
[ ! -e "$folder/strict/results.shards/merge.log" ] || fail "the merge ran beside a broken shard"
grep --quiet "shard [12] of 2: .*ended with status 65" "$folder/strict/said" ||
  fail "no reason given: $(cat "$folder/strict/said")"
say "a broken picture and --strict: nothing merged, the reason given, $((SECONDS - began)) s"

say "PASS in $SECONDS s"
