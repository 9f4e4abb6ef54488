#!/usr/bin/env bash
# Runs a sweep as a Slurm job array, then merges and audits it.
#
#   slurm_array.sh CONFIG N [SBATCH FLAG]...
#
# Task I of N measures shard I/N into one directory; a last job, once all tasks have ended in whatever way, merges them,
# names every shard that has not finished and audits what is there. A task that is killed or told to stop goes back into
# the queue and resumes; the same command again resumes the whole sweep. Flags go to the array's sbatch
# (--cpus-per-task 16 --time 4:00:00); what both jobs need goes into sbatch's own SBATCH_ACCOUNT, SBATCH_PARTITION, ...
#
# Environment: KVFRONTIER, the program (default: build/kvfrontier of this clone, else the one on PATH); OUT, the
# directory for records and logs (default: results/runs/NAME OF CONFIG below the current directory). Both, and CONFIG,
# must be seen under the same path on every node. docs/cluster.md has the rest.
set -euo pipefail

most_restarts=5  # of a task that is killed again and again, by its own need of memory for example

refuse() {
  echo "slurm_array.sh: $*" >&2
  exit 2
}

# One shard, on a compute node. This shell is not the process that an out-of-memory killer takes, and sends its task
# back by itself: Slurm would call it failed and leave it at that.
measure() {
  local program=$1 config=$2 out=$3 shards=$4 child code
  # Not SLURM_JOB_ID: that of the last task is the number of the whole array.
  local task=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
  # Before the time limit the shell alone is told (--signal=B:TERM). kvfrontier lets its running trials finish.
  trap 'kill -TERM "$child" 2>/dev/null || true' TERM
  "$program" run "$config" --out "$out" --shard "$SLURM_ARRAY_TASK_ID/$shards" &
  child=$!
  while :; do  # a trap ends `wait` before the child has ended
    code=0
    wait "$child" || code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  # A cancelled or preempted task is in another state and Slurm's business.
  if ((code == 137 || code == 143)) && [[ $(squeue --noheader --jobs "$task" --format %T) == RUNNING ]]; then
    if ((${SLURM_RESTART_COUNT:-0} < most_restarts)); then
      echo "shard $SLURM_ARRAY_TASK_ID/$shards ended with $code; back into the queue" >&2
      scontrol requeue "$task" && sleep infinity  # until Slurm ends this shell
    fi
    echo "shard $SLURM_ARRAY_TASK_ID/$shards ended with $code after $most_restarts restarts: giving up" >&2
  fi
  exit "$code"
}

finish() {
  local program=$1 config=$2 out=$3 code=0
  "$program" merge "$out" --out "$out" --expect "$config" || code=$?
  "$program" audit "$out" || code=$?
  exit "$code"
}

submit() {
  (($# >= 2)) || refuse "usage: slurm_array.sh CONFIG N [SBATCH FLAG]..."
  local config=$1 shards=$2 program out array last
  shift 2
  [[ $shards =~ ^[1-9][0-9]*$ ]] || refuse "N is \"$shards\": the number of array tasks, at least 1"
  command -v sbatch >/dev/null || refuse "there is no sbatch here; submit from a login node of a Slurm cluster"
  program=${KVFRONTIER:-$(dirname "$(realpath "$0")")/../../build/kvfrontier}
  [[ -n ${KVFRONTIER:-} || -x $program ]] || program=kvfrontier
  program=$(command -v "$program") || refuse "no program \"$program\": run make build, or set KVFRONTIER to its path"
  program=$(realpath "$program")
  "$program" check "$config" >/dev/null  # says what is wrong here and now, and not N times in logs
  config=$(realpath "$config")
  out=${OUT:-results/runs/$(basename "$config" .json)}
  mkdir -p "$out/slurm"
  out=$(realpath "$out")
  array=$(sbatch --parsable --job-name "kvfrontier-$(basename "$config" .json)" --array "1-$shards" --cpus-per-task 1 \
    --requeue --open-mode append --signal B:TERM@120 --output "$out/slurm/shard-%a.log" "$@" \
    "$0" measure "$program" "$config" "$out" "$shards")
  array=${array%%;*}  # "job;cluster" on a federation
  # afterok would never come true once a task has failed, even if its requeue completes; merge --expect tells instead.
  last=$(sbatch --parsable --job-name "kvfrontier-merge-$(basename "$config" .json)" --dependency "afterany:$array" \
    --open-mode append --output "$out/slurm/merge.log" "$0" finish "$program" "$config" "$out")
  echo "array $array, merge ${last%%;*} -> $out"
}

case ${1:-} in
  measure | finish) "$@" ;;
  *) submit "$@" ;;
esac
