"""Training-only noise, pictures of the wrong size, and threads that share one network."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from tests.models.nets import make_pictures, make_small, make_small_dynamic
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import make_selector
from vitdemo.recording import record
from vitdemo.trace import Trace


@torch.no_grad()
def test_stochastic_depth_skips_the_last_block_at_rate_one() -> None:
    net = make_small(depth=2, drop_path_rate=1.0)
    x = make_pictures(net.config)
    evaluated, trained = net(x), net.train()(x)
    net.blocks = nn.ModuleList([net.blocks[0]])  # rates grow linearly from 0
    torch.testing.assert_close(trained, net.eval()(x))
    assert (evaluated - trained).abs().max() > 0.01


@torch.no_grad()
def test_stochastic_depth_keeps_the_expectation() -> None:
    net = make_small(depth=3, drop_path_rate=0.5)
    block = net.blocks[1]  # rate 0.25
    block.mlp.fc2.weight.zero_()  # type: ignore[union-attr, operator]
    block.mlp.fc2.bias.zero_()  # type: ignore[union-attr, operator]
    x = torch.randn(1, 5, 24).expand(4000, -1, -1)
    branch = (block.eval()(x) - x)[0]
    seen = block.train()(x) - x
    skipped = seen.flatten(1).abs().amax(1) == 0
    torch.testing.assert_close(
        seen[~skipped], (branch / 0.75).expand_as(seen[~skipped]), atol=1e-5, rtol=1e-5
    )
    assert abs(skipped.float().mean() - 0.25) < 4 * (0.25 * 0.75 / 4000) ** 0.5


@torch.no_grad()
def test_dropout_acts_in_training_only() -> None:
    net, plain = make_small(drop_rate=0.5), make_small()
    plain.load_state_dict(net.state_dict())
    x = make_pictures(net.config)
    assert torch.equal(net(x), plain(x))
    net.train()
    assert (net(x) - net(x)).abs().max() > 0.01
    assert (net.embed(x) == 0).float().mean() == pytest.approx(0.5, abs=0.1)


def test_a_picture_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(12, 28\), got \(28, 12\)"):
        make_small(img_size=(12, 28))(torch.zeros(1, 3, 28, 12))


def test_two_threads_share_one_network_and_do_not_mix() -> None:
    net = make_small_dynamic(img_size=(24, 24))
    x = make_pictures(net.config, 2)
    jobs = [
        (image[None], name, ratio)
        for image, name, ratio in zip(x, ("learned", "random"), (0.9, 0.4), strict=True)
    ]

    def once(pixels: Tensor, name: str, ratio: float) -> Trace:
        selector = make_selector(name, model=net, pixels=pixels)
        return record(net, pixels, pruning=Pruning(selector, FixedRatio(ratio)))

    serial = [once(*job) for job in jobs]
    assert serial[0].token_ids[-1].shape != serial[1].token_ids[-1].shape
    start = threading.Barrier(2)

    def many(job: tuple[Tensor, str, float]) -> list[Trace]:
        start.wait()
        return [once(*job) for _ in range(40)]

    with ThreadPoolExecutor(2) as pool:
        for expected, results in zip(serial, pool.map(many, jobs), strict=True):
            for trace in results:
                assert trace.logits is not None
                torch.testing.assert_close(trace.logits, expected.logits)
                assert all(map(torch.equal, trace.token_ids, expected.token_ids))
                torch.testing.assert_close(trace.attn, expected.attn)
                torch.testing.assert_close(trace.scores, expected.scores)
