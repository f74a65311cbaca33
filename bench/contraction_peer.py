"""The products of contraction_benchmark.cc in PyTorch with OpenBLAS: Debian's python3-torch.

    OPENBLAS_CORETYPE=SkylakeX /usr/bin/python3 bench/contraction_peer.py
"""

import os
import time

SHAPES = [
    (256, 256, 256),
    (512, 512, 512),
    (1024, 1024, 1024),
    (2048, 2048, 2048),
    (64, 784, 512),
    (64, 512, 512),
    (64, 512, 10),
    (1, 784, 512),
]


def measure(threads):
    import torch

    torch.set_num_threads(threads)
    for m, k, n in SHAPES:
        a, b, out = torch.ones(m, k), torch.ones(k, n), torch.empty(m, n)
        repeats = max(1, int(2e8 / (m * k * n)))
        times = []
        for _ in range(15):
            start = time.perf_counter()
            for _ in range(repeats):
                torch.mm(a, b, out=out)
            times.append((time.perf_counter() - start) / repeats)
        median = sorted(times)[len(times) // 2]
        rate = 2e-9 * m * k * n / median
        print(f"{threads} threads  {m}x{k}x{n:<6} {1e3 * median:9.4f} ms  {rate:6.1f} GFLOP/s")


def main():
    for threads in (1, len(os.sched_getaffinity(0))):
        if os.fork() == 0:
            os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(threads)
            measure(threads)
            os._exit(0)
        os.wait()


if __name__ == "__main__":
    main()
