#!/usr/bin/env bash
# An experiment on several SLURM nodes:
#   sbatch examples/slurm.sh --methods moco,mmd,gan --dataset cifar10 --set training.precision=bf16
# Submit it from the project's folder, on a file system that all nodes share, after `make bench` has made .venv there.
# The same command again goes on from what is done, also after the time limit has ended it.
#SBATCH --job-name=wae-bench
#SBATCH --nodes=4
#SBATCH --exclusive
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-task=4
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@120
set -euo pipefail

. .venv/bin/activate
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
port=$((20000 + SLURM_JOB_ID % 20000))

# A node must run no other Ray, not even another user's: `symmetric-run` refuses it, hence --exclusive above.
# One task on every node: the first starts Ray's head, the others join it, and the run begins when all are there.
# `symmetric-run` ends Ray everywhere when the run has ended; the exit status is the run's.
srun --kill-on-bad-exit=1 ray symmetric-run \
  --address "$head:$port" --min-nodes "$SLURM_JOB_NUM_NODES" \
  --num-cpus "$SLURM_CPUS_PER_TASK" --num-gpus "${SLURM_GPUS_PER_TASK:-0}" -- \
  python -m bench.run --address auto "$@"
