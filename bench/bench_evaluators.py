"""Every way to evaluate f beside its peer, at the targets of `evaluators`."""

from __future__ import annotations

import pytest

import evaluators


@pytest.mark.parametrize("target", evaluators.TARGETS, ids=lambda target: target.work)
def bench_target(target, benchmark, timed):
    calls = target.assert_agreement()
    if timed:
        with evaluators.warm():
            figure = target.measure(calls)
        print(f"\n{target.work}: {target.words.format(figure)}, target {target.wanted}")
        benchmark.extra_info.update(figure=figure, target=target.wanted, reached=target.reached(figure))
    benchmark.pedantic(calls["ours"], rounds=3 if timed else 1)
