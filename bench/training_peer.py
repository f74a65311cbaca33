"""The steps of training_benchmark.cc in PyTorch, eager: Debian's python3-torch.

    OPENBLAS_CORETYPE=SkylakeX OMP_NUM_THREADS=2 /usr/bin/python3 bench/training_peer.py
"""

import time

import torch
from torch import nn


def measure(step):
    """The median time of a step, in seconds."""
    for _ in range(20):
        step()
    times = []
    for _ in range(200):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def perceptron(make_optimizer):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
    )
    optimizer = make_optimizer(model.parameters())
    images = torch.randn(64, 784)
    labels = torch.arange(64) % 10
    loss_of = nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return measure(step)


def recurrent(with_gradient):
    torch.manual_seed(0)
    layer = nn.RNN(64, 128)
    optimizer = torch.optim.SGD(layer.parameters(), lr=1e-3)
    xs = torch.randn(100, 32, 64)

    def loss_of():
        everything, last = layer(xs)
        return (last * last).mean() + (everything * everything).mean()

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return loss.item()

    def forward():
        with torch.no_grad():
            return loss_of().item()

    return measure(step if with_gradient else forward)


def main():
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads")
    sgd = perceptron(lambda p: torch.optim.SGD(p, lr=1e-3))
    adam = perceptron(lambda p: torch.optim.Adam(p, lr=1e-3))
    print(f"perceptron_step/sgd   {1e3 * sgd:.2f} ms")
    print(f"perceptron_step/adam  {1e3 * adam:.2f} ms")
    print(f"recurrent/forward     {1e3 * recurrent(False):.2f} ms")
    print(f"recurrent/step        {1e3 * recurrent(True):.2f} ms")


if __name__ == "__main__":
    main()
