#!/usr/bin/env bash
# Runs every benchmark, after saying on what machine.
set -euo pipefail

grep --max-count=1 'model name' /proc/cpuinfo | cut --delimiter=: --fields=2
echo " $(nproc) CPUs, $(date --iso-8601)"
for benchmark in bench/*_benchmark; do
  printf '\n# %s\n\n' "$(basename "$benchmark")"
  "$benchmark" "$@"
done
