#!/bin/sh
# A sweep as a Slurm array: sbatch docs/slurm-array.sh
# Every task computes its part of the grid; all write into one store.
#SBATCH --job-name=vaedyn-sweep
#SBATCH --array=1-8
#SBATCH --cpus-per-task=4
#SBATCH --time=02:00:00
#SBATCH --mem-per-cpu=1G
#SBATCH --signal=B:TERM@60
#SBATCH --output=sweep-%A_%a.log

set -eu
export VAEDYN_STORE="${VAEDYN_STORE:-$SLURM_SUBMIT_DIR/vaedyn-store}"
export OMP_NUM_THREADS=1

# the part of the grid comes from SLURM_ARRAY_TASK_ID; exec, so that Slurm's signals arrive
exec vaedyn sweep simulate \
    --vary beta=0.1:2:20 --vary lr=log:0.001:0.1:9 --runs 20 \
    --jobs "$SLURM_CPUS_PER_TASK" --csv "sweep-$SLURM_ARRAY_TASK_ID.csv"
