"""The budget of one participant: packets and CPU time a second, and what is dropped is counted."""

from support_manager.media.budget import CPU_AT_ONCE_S, CPU_SHARE, PACKETS_AT_ONCE, PACKETS_PER_S, PeerBudget


def test_an_honest_share_is_never_dropped() -> None:
    budget = PeerBudget(0.0)
    for step in range(60_000):  # a minute at 1,000 packets a second
        assert budget.admits(step / 1_000)
        budget.spent(0.000_1)
    assert budget.dropped == 0


def test_a_flood_is_cut_to_the_rate() -> None:
    budget = PeerBudget(0.0)
    admitted = sum(budget.admits(step / 50_000) for step in range(100_000))  # two seconds
    assert admitted <= PACKETS_AT_ONCE + 2 * PACKETS_PER_S + 1
    assert budget.dropped == 100_000 - admitted


def test_packets_that_are_dear_to_read_are_cut_to_their_share_of_the_time() -> None:
    budget = PeerBudget(0.0)
    cost = 0.01
    spent = 0.0
    for step in range(10_000):  # ten seconds
        if budget.admits(step / 1_000):
            budget.spent(cost)
            spent += cost
    assert spent <= CPU_AT_ONCE_S + 10 * CPU_SHARE + 2 * cost
    assert budget.dropped > 9_000
