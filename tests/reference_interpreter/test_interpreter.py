"""The promises of the reference interpreter, each on the smallest graph that shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import pytest

from tests.reference_interpreter import (
    Completed,
    Each,
    Edge,
    Fail,
    Failed,
    LoopLimit,
    Net,
    NetError,
    NetNode,
    Result,
    Run,
    Starved,
    StepLimit,
    Suspend,
    Suspended,
    all_outcomes,
    count_rooted_digraphs,
    nets_of,
    random_net,
    rooted_digraphs,
    rooted_digraphs_up_to_isomorphism,
    rotating,
    run_sequential,
    run_with_order,
    scripted,
)
from tests.reference_interpreter.interpreter import Answer, Behaviour, Scope

Script = Mapping[str, Answer | Callable[[Scope, int, dict[str, Any]], Answer]]


def net(*lines: str, trigger: str = "t", max_iterations: int | None = 100, **nodes: NetNode) -> Net:
    """Connections as "a > b", "a.port > b" or "a.port > b.to_port"; nodes that need more than defaults by name."""
    edges = []
    for line in lines:
        source, _, target = line.partition(" > ")
        key, _, port = source.partition(".")
        other, _, to_port = target.partition(".")
        edges.append(Edge(key, port or "main", other, to_port or "main"))
    keys = [trigger, *(key for edge in edges for key in (edge.source, edge.target))]
    return Net({key: nodes.get(key, NetNode()) for key in keys}, edges, trigger, max_iterations)


def script(answers: Script | None = None) -> Behaviour:
    """Every node answers its name by `main`, unless the script says otherwise."""
    given = answers or {}

    def behaviour(key: str, scope: Scope, run: int, inputs: dict[str, Any]) -> Answer:
        answer = given.get(key, {"main": key})
        return answer(scope, run, inputs) if callable(answer) else answer

    return behaviour


def play(shape: Net, answers: Script | None = None, limit: int = 200) -> Result:
    return run_sequential(shape, script(answers), limit=limit)


def names(result: Result) -> str:
    return " ".join(record.node for record in result.records)


def sources(result: Result, node: str) -> list[list[str]]:
    """Per run of a node, in order of run numbers, from where its arrivals came."""
    runs = sorted((record for record in result.records if record.node == node), key=lambda record: record.run)
    return [[consumed.source for consumed in record.consumed] for record in runs]


def inputs(result: Result, node: str) -> list[dict[str, Any]]:
    return [record.inputs for record in result.records if record.node == node]


def at_random(seed: int) -> Callable[[Sequence[Run], Sequence[Run]], Run]:
    random = Random(seed)
    return lambda in_flight, ready: random.choice([*in_flight, *ready])


def until(turns: int, again: str, over: str) -> Callable[[Scope, int, dict[str, Any]], Answer]:
    """Takes one port that many times, and then the other one."""
    return lambda scope, run, inputs: {(over if run % (turns + 1) == 0 else again): run}


# ---- sequences, splits, inclusive joins


def test_a_sequence_runs_in_order():
    result = play(net("t > a", "a > b"))

    assert names(result) == "t a b"
    assert inputs(result, "b") == [{"main": "a"}]
    assert result.verdict == Completed()


def test_a_port_without_a_connection_ends_that_path():
    assert names(play(net("t > a", "a > b"), {"a": {"other": 1}})) == "t a"


def test_a_diamond_meets_once():
    result = play(net("t > a", "t > b", "a > j", "b > j"))

    assert names(result) == "t a b j"
    assert sources(result, "j") == [["a", "b"]]


def test_a_branch_is_followed_to_its_end_before_the_next_one_starts():
    assert names(play(net("t > a", "t > b", "a > c", "c > d", "b > e"))) == "t a c d b e"


def test_the_arms_of_an_if_meet_with_what_arrived():
    result = play(net("t.yes > a", "t.no > b", "a > j", "b > j"), {"t": {"no": 1}})

    assert names(result) == "t b j"
    assert sources(result, "j") == [["b"]]


def test_twelve_chained_diamonds_are_37_runs():
    lines = [
        line
        for place in range(12)
        for arm in "ab"
        for line in (f"d{place} > {arm}{place}", f"{arm}{place} > d{place + 1}")
    ]

    result = play(net(*lines, trigger="d0"))

    assert len(result.records) == 37
    assert len({record.node for record in result.records}) == 37


def test_a_join_that_was_held_up_does_not_overtake_younger_work():
    shape = net("t > j", "t > x", "x > y", "x > z", "y.never > j")

    assert names(play(shape, {"y": {}})) == "t x y z j"


@pytest.mark.parametrize(
    ("collect", "value"), [("last", {"k": 2}), ("merge", {"k": 2, "a": 1}), ("list", [{"k": 1, "a": 1}, {"k": 2}])]
)
def test_several_arrivals_on_one_port_are_ordered_by_connection(collect: Any, value: Any):
    shape = net("t > a", "t > b", "b > c", "a > j", "c > j", j=NetNode(collect=collect))
    swapped = net("t > a", "t > b", "b > c", "c > j", "a > j", j=NetNode(collect=collect))
    answers: Script = {"a": {"main": {"k": 1, "a": 1}}, "c": {"main": {"k": 2}}}

    assert inputs(play(shape, answers), "j") == [{"main": value}]
    assert inputs(play(swapped, answers), "j") != [{"main": value}]


def test_each_makes_one_arrival_per_element():
    result = play(net("t > a"), {"t": {"main": Each((1, 2, 3))}})

    assert inputs(result, "a") == [{"main": 1}, {"main": 2}, {"main": 3}]


def test_an_activation_takes_the_oldest_of_each_connection_and_the_rest_activates_again():
    result = play(net("t > a", "t > b", "a > j", "b > j"), {"a": {"main": Each((1, 2))}})

    assert sources(result, "j") == [["a", "b"], ["a"]]


# ---- other joins


def test_an_all_join_waits_for_every_connection():
    result = play(net("t > a", "t > b", "b > c", "a > j", "c > j", j=NetNode(join="all")))

    assert sources(result, "j") == [["a", "c"]]


def test_a_starved_all_join_is_named_with_the_connections_that_brought_nothing():
    shape = net("t.yes > a", "t.no > b", "a > j", "b > j", "j > k", j=NetNode(join="all"))

    result = play(shape, {"t": {"yes": 1}})

    assert names(result) == "t a"
    assert result.verdict == Starved((((), "j", (3,)),))


def test_nothing_runs_behind_a_starved_join_as_if_it_had_been_left_out():
    shape = net("t > a", "t > b", "t.never > b2", "a > j", "b2 > j", "j > k", "b > k", j=NetNode(join="all"))

    result = play(shape)

    assert "k" not in names(result)
    assert isinstance(result.verdict, Starved)


def test_a_starved_join_lets_the_other_branches_finish():
    shape = net("t > j", "t.never > j", "t > a", "a > b", j=NetNode(join="all"))

    assert {str(len(outcome.records)) for outcome in all_outcomes(shape, script())} == {"3"}


def test_a_multi_merge_runs_once_per_arrival():
    result = play(net("t > a", "t > b", "a > j", "b > j", j=NetNode(join="each")))

    assert sources(result, "j") == [["a"], ["b"]]


def test_error_ports_alone_make_a_multi_merge():
    result = play(net("t > a", "t > b", "a.error > j", "b.error > j"), {"a": {"error": 1}, "b": {"error": 2}})

    assert sources(result, "j") == [["a"], ["b"]]


def test_a_discriminator_runs_with_the_first_and_ignores_the_rest():
    shape = net("t > a", "t > b", "t > c", "a > j", "b > j", "c > j", j=NetNode(join=("first", 1, "ignore", False)))

    result = play(shape)

    assert sources(result, "j") == [["a"]]
    assert names(result) == "t a j b c"
    assert [consumed.source for consumed in result.dropped] == ["b", "c"]
    assert len(all_outcomes(shape, script())) == 3


def test_a_partial_join_runs_with_the_kth():
    shape = net("t > a", "t > b", "t > c", "a > j", "b > j", "c > j", j=NetNode(join=("first", 2, "ignore", False)))

    assert sources(play(shape), "j") == [["a", "b"]]


def test_a_partial_join_that_cannot_get_k_is_starved():
    shape = net("t.x > a", "t.y > b", "a > j", "b > j", j=NetNode(join=("first", 2, "ignore", False)))

    assert play(shape, {"t": {"x": 1}}).verdict == Starved((((), "j", (3,)),))


def test_a_discriminator_may_cancel_what_has_no_way_around_it():
    shape = net(
        "t > a", "t > b", "t > c", "a > j", "b > j", "c > j", "c > d", j=NetNode(join=("first", 1, "cancel", False))
    )

    result = play(shape)

    assert {(record.node, record.status) for record in result.records} >= {("b", "withdrawn"), ("c", "completed")}
    assert names(result).split().count("j") == 1


def test_a_second_arrival_on_a_connection_opens_the_next_wave():
    shape = net("t > a", "t > b", "a > j", "b > j", j=NetNode(join=("first", 1, "ignore", False)))

    result = play(shape, {"a": {"main": Each((1, 2))}})

    assert inputs(result, "j") == [{"main": 1}, {"main": 2}]
    assert [consumed.source for consumed in result.dropped] == ["b"]


def test_a_blocking_discriminator_waits_until_the_last_wave_is_quiet():
    def order_of(block: bool) -> list[str]:
        shape = net("t > j", "t.never > j", "j > k", "k > l", j=NetNode(join=("first", 1, "ignore", block)))
        result = run_with_order(
            shape, script({"t": {"main": Each((1, 2))}}), lambda in_flight, ready: (list(in_flight) + list(ready))[0]
        )
        return names(result).split()

    assert order_of(block=True) == ["t", "j", "k", "l", "j", "k", "l"]


def test_a_batch_takes_k_and_flushes_the_remainder():
    result = play(net("t > j", j=NetNode(join=("batch", 2))), {"t": {"main": Each((1, 2, 3))}})

    assert inputs(result, "j") == [{"main": [1, 2]}, {"main": [3]}]


# ---- suspension and failure


def test_a_suspended_run_blocks_the_join_it_can_reach():
    shape = net("t > a", "t > b", "a > j", "b > j")

    assert play(shape, {"a": Suspend()}).verdict == Suspended((((), "a", 1),))
    assert "j" not in names(play(shape, {"a": Suspend()}))
    assert sources(play(shape, {"a": Suspend({"main": 1})}), "j") == [["a", "b"]]


def test_a_suspended_run_does_not_block_others():
    assert names(play(net("t > a", "t > b", "b > c"), {"a": Suspend()})) == "t b c"


def test_a_failure_ends_the_execution():
    assert play(net("t > a", "a > b"), {"a": Fail()}).verdict == Failed((), "a", 1)


# ---- plain cycles


def test_a_loop_head_runs_again_for_each_way_back():
    result = play(net("t > h", "h.again > b", "b > h", "h.over > e"), {"h": until(3, "again", "over")})

    assert names(result) == "t h b h b h b h e"
    assert sources(result, "h") == [["t"], ["b"], ["b"], ["b"]]


def test_nested_loops_run_the_inner_one_anew_each_time():
    shape = net("t > o", "o.again > i", "i.again > b", "b > i", "i.over > o", "o.over > e")

    result = play(shape, {"o": until(2, "again", "over"), "i": until(2, "again", "over")})

    assert names(result) == "t o i b i b i o i b i b i o e"
    assert result.released == ()


def test_a_retry_loop_beside_a_branch_is_waited_for_at_their_join():
    shape = net("t > a", "t > b", "a.again > a2", "a2 > a", "a.over > j", "b > j")

    outcomes = all_outcomes(shape, script({"a": until(2, "again", "over")}))

    assert len(outcomes) == 1
    assert sources(play(shape, {"a": until(2, "again", "over")}), "j") == [["a", "b"]]


def test_joins_that_wait_for_one_another_are_released_oldest_first():
    shape = net("t > a", "t > b", "a.x > b", "b.x > a", "a > e", "b > f")

    result = play(shape)

    assert result.released == (((), "a"),)
    assert names(result).split() == ["t", "b", "f", "a", "e"] or names(result).split() == ["t", "a", "e", "b", "f"]


def test_a_release_does_not_wait_for_what_runs_elsewhere():
    shape = net("t > w", "t > a", "t > b", "a.x > b", "b.x > a")

    result = play(shape, {"w": Suspend()})

    assert sorted(names(result).split()) == ["a", "b", "t"]
    assert isinstance(result.verdict, Suspended)


def test_an_endless_cycle_ends_at_its_limit():
    assert play(net("t > h", "h > h2", "h2 > h", max_iterations=5)).verdict == LoopLimit(((), "h"))


def test_a_step_limit_leaves_a_prefix():
    shape = net("t > h", "h > h2", "h2 > h")

    assert play(shape, limit=4).verdict == StepLimit()
    assert names(play(shape, limit=4)) == "t h h2 h"


# ---- scopes


def for_each(values: Sequence[Any]) -> Answer:
    return {"loop": list(values)}


def test_for_each_runs_its_body_once_per_item_and_then_done_in_item_order():
    shape = net("t > o", "o.loop > a", "a > o", "o.done > z", o=NetNode(owner="for_each"))

    result = play(shape, {"o": for_each([5, 6]), "a": lambda scope, run, inputs: {"main": inputs["main"] * 10}})

    assert [(record.node, record.scope) for record in result.records] == [
        ("t", ()),
        ("a", (("o", 1, 0),)),
        ("a", (("o", 1, 1),)),
        ("o", ()),
        ("z", ()),
    ]
    assert inputs(result, "z") == [{"main": [50, 60]}]


def test_results_keep_item_order_at_any_order_of_completion():
    shape = net(
        "t > o", "o.loop > a", "a > o", "o.done > z", o=NetNode(owner="for_each", item_concurrency=3), trigger="t"
    )
    answers: Script = {"o": for_each([1, 2, 3]), "a": lambda scope, run, inputs: {"main": inputs["main"]}}

    (outcome,) = all_outcomes(shape, script(answers))

    assert [record.inputs for record, _ in outcome.records if record.node == "z"] == [{"main": [1, 2, 3]}]


def test_an_item_ends_without_a_way_back():
    result = play(net("t > o", "o.loop > a", "o.done > z", o=NetNode(owner="for_each")), {"o": for_each([1, 2])})

    assert names(result) == "t a a o z"
    assert inputs(result, "z") == [{"main": [None, None]}]


def test_for_each_over_nothing_is_done_at_once():
    result = play(net("t > o", "o.loop > a", "a > o", "o.done > z", o=NetNode(owner="for_each")), {"o": for_each([])})

    assert inputs(result, "z") == [{"main": []}]


def test_a_join_in_the_body_looks_only_at_its_own_item():
    shape = net(
        "t > o", "o.loop > a", "o.loop > b", "a > j", "b > j", "j > o", o=NetNode(owner="for_each", item_concurrency=2)
    )

    result = play(
        shape, {"o": for_each([1, 2]), "b": lambda scope, run, inputs: Suspend() if scope[0][2] else {"main": 1}}
    )

    assert [record.scope[0][2] for record in result.records if record.node == "j"] == [0]


def test_a_connection_that_leaves_the_body_arrives_in_the_parent_scope():
    shape = net(
        "t > o", "t.never > x", "o.loop > a", "a > o", "a.out > x", o=NetNode(owner="for_each"), x=NetNode(join="each")
    )

    result = play(shape, {"o": for_each([1, 2]), "a": {"main": 1, "out": 2}})

    assert [(r.scope, r.run, r.consumed[0].source_scope) for r in result.records if r.node == "x"] == [
        ((), 1, (("o", 1, 0),)),
        ((), 2, (("o", 1, 1),)),
    ]


def test_a_join_outside_waits_for_the_whole_loop():
    shape = net("t > o", "t > b", "o.loop > a", "a > o", "o.done > j", "b > j", o=NetNode(owner="for_each"))

    (outcome,) = all_outcomes(shape, script({"o": for_each([1, 2])}))

    assert [len(record.consumed) for record, _ in outcome.records if record.node == "j"] == [2]


def test_a_while_asks_before_each_round():
    def fewer_than_three(scope: Scope, run: int, inputs: dict[str, Any]) -> Answer:
        value = inputs["main"]
        return {"loop": value} if value < 3 else {"done": value}

    shape = net("t > o", "o.loop > a", "a > o", "o.done > z", o=NetNode(owner="while"))
    answers: Script = {
        "t": {"main": 0},
        "o": fewer_than_three,
        "a": lambda scope, run, inputs: {"main": inputs["main"] + 1},
    }

    result = play(shape, answers)

    assert names(result) == "t a a a o z"
    assert [record.scope for record in result.records if record.node == "a"] == [(("o", 1, i),) for i in range(3)]
    assert inputs(result, "z") == [{"main": 3}]


def test_a_for_each_in_a_for_each_counts_its_runs_per_scope():
    shape = net(
        "t > o",
        "o.loop > p",
        "p.loop > a",
        "a > p",
        "p.done > o",
        "o.done > z",
        o=NetNode(owner="for_each"),
        p=NetNode(owner="for_each"),
    )

    result = play(shape, {"o": for_each([1, 2]), "p": for_each([3, 4])})

    assert names(result) == "t a a p a a p o z"
    assert {record.run for record in result.records} == {1}


def test_a_plain_loop_in_a_body_belongs_to_the_item():
    shape = net("t > o", "o.loop > h", "h.again > b", "b > h", "h.over > o", o=NetNode(owner="for_each"))

    result = play(shape, {"o": for_each([1, 2]), "h": until(1, "again", "over")})

    assert names(result) == "t h b h h b h o"


def test_a_way_back_through_a_node_outside_the_body_is_refused():
    with pytest.raises(NetError, match="'x', which is not part of its body"):
        net("t > o", "t > x", "o.loop > a", "a > x", "x > o", o=NetNode(owner="for_each"))


# ---- every order


def test_every_random_order_is_one_of_all_outcomes():
    for seed in range(60):
        shape = random_net(seed, min_nodes=3, max_nodes=5, races=True, starving=True)
        behaviour = scripted(shape, seed=seed, fuel=2, items=2)
        outcomes = all_outcomes(shape, behaviour, limit=60, max_states=20_000)

        assert run_sequential(shape, behaviour, limit=60).outcome in outcomes, seed
        assert run_with_order(shape, behaviour, at_random(seed), limit=60).outcome in outcomes, seed


def test_acyclic_nets_have_one_outcome_and_run_every_node_at_most_once():
    for seed in range(150):
        shape = random_net(seed, cycles=False, scopes=False, starving=True)
        behaviour = scripted(shape, seed=seed, suspend_every=5)
        result = run_sequential(shape, behaviour)

        assert result.released == (), seed
        assert len({record.node for record in result.records}) == len(result.records), seed
        assert run_with_order(shape, behaviour, at_random(seed)).outcome == result.outcome, seed


def test_structured_loops_in_acyclic_nets_need_no_release_and_have_one_outcome():
    for seed in range(150):
        shape = random_net(seed, cycles=False, concurrent_items=False, starving=True)
        behaviour = scripted(shape, seed=seed, suspend_every=5)
        result = run_sequential(shape, behaviour)

        assert result.released == (), seed
        assert run_with_order(shape, behaviour, at_random(seed)).outcome == result.outcome, seed


def test_only_the_release_can_depend_on_timing_in_nets_with_cycles():
    for seed in range(150):
        shape = random_net(seed, concurrent_items=False, starving=True)
        behaviour = scripted(shape, seed=seed, fuel=3, suspend_every=5)
        result = run_sequential(shape, behaviour, limit=2_000)
        other = run_with_order(shape, behaviour, at_random(seed), limit=2_000)

        assert result.outcome == other.outcome or result.released or other.released, seed


def test_only_the_release_can_depend_on_timing_in_small_graphs():
    for graph in rooted_digraphs_up_to_isomorphism(3):
        for shape in nets_of(graph):
            outcomes = all_outcomes(shape, rotating(shape, fuel=2))
            result = run_sequential(shape, rotating(shape, fuel=2))

            assert result.outcome in outcomes
            assert len(outcomes) == 1 or result.released, shape


# ---- the generators


@pytest.mark.parametrize(("nodes", "labelled", "classes"), [(1, 1, 1), (2, 2, 2), (3, 32, 18), (4, 2432, 440)])
def test_the_small_graphs_are_all_there(nodes: int, labelled: int, classes: int):
    assert len(set(rooted_digraphs(nodes))) == labelled == count_rooted_digraphs(nodes)
    assert sum(1 for _ in rooted_digraphs_up_to_isomorphism(nodes)) == classes


def test_the_counts_with_self_loops_agree_with_the_formula():
    assert len(set(rooted_digraphs(3, self_loops=True))) == count_rooted_digraphs(3, self_loops=True) == 256


def test_a_seed_always_gives_the_same_net():
    assert random_net(7, races=True) == random_net(7, races=True)
    assert any(len(scope) == 2 for seed in range(60) for scope in _scopes(random_net(seed)))


def _scopes(shape: Net) -> set[Scope]:
    return {record.scope for record in run_sequential(shape, scripted(shape, fuel=3), limit=200).records}
