"""The naive reference interpreter: what the contract allows, written from the page about behaviour alone.

It knows routing, joins, waves, release, scopes and cycles; no retries, waits, expressions, journals or clocks. Where
the page is silent or can be read in two ways, this is the reading, and disagreements are decided from it.

Activations
R1  A place is active while arrivals wait at it. An activation is *formed* when its join lets it go: then it takes its
    arrivals and gets its number (from 1, per scope and node). What comes later, even before it starts, is for the
    next one.
R2  Forming is eager: after every event, whatever can be formed is formed. Starting decides nothing any more.
R3  A node that is not reentrant forms its next activation only after the earlier one settled and what that one sent
    has arrived. (Forming it at once, because a join is not blocked by itself, would make loops depend on timing.)
R4  Order: an activation's age is the event that brought the *last* arrival that it took; of those of one event, the
    one whose first arrival of that event came by the earlier connection goes first. An activation that was held up
    does not become young by being let go. Connection order is the order of the list of connections, not of ports in
    an answer.
R5  The trigger's first activation is formed at the start by no connection, whatever its join. A trigger with one way
    in counts as a node with one connection.
R6  Settling one event: first all its arrivals are delivered, then waves advance, then activations are formed, then
    scopes end, then at most one join is released; again from the start until nothing moves.

Live work and paths
R7  Live: a place with waiting arrivals (also of an unfinished wave or an activation not yet formed), and every ready,
    running or suspended run. A scope owner is running until `done` has left it. An open wave that has fired is not
    live.
R8  For L other than J, "a path that does not pass through J" is any path: its part up to the first J is one. Only
    *connections* are different: L can deliver over connection c of J only by a path that does not meet J before.
R9  Connections that close cycles count like all others. Ways back to a scope owner are part of no path, since nothing
    arrives by them; so no path leads from one item into another.
R10 Ports are not looked at: a path exists if connections exist, even where the node would never take that port.
R11 J looks at live work of its scope and of scopes inside. Its own waiting arrivals and runs never block it.
R12 An inclusive join waits for all live work that can reach it, even if each of its connections has already brought
    something. A node with one connection never waits: one run per arrival, though live work can still reach it. Two
    connections from one node are two connections. Ways back to an owner do not count; connections from nodes that the
    trigger cannot reach do.
R13 `each` is the default if all connections leave ports named error, timeout or expiry.

Release
R14 Members of B are inclusive joins, `all` joins, waves and batches with waiting arrivals and no formed run. B is the
    largest set of them in which every blocker of a member is a member.
R15 Only a join that can run with what it has is released; `all`, and a wave short of arrivals, are members but are
    passed over. Released: inclusive runs with the oldest of each connection; a batch is flushed; a fired or closed
    wave makes way for the next one.
R16 The last arrival is the newest of all that wait there; within one event earlier connections count as older.
R17 Releases repeat, B being computed anew, until B has no member that can run.

Starvation
R18 A join is *hopeless* when it needs connections that no live work can deliver over. It is then no member of B, so
    what waits for it is not let go without it: nothing runs behind a join that failed.
R19 The execution fails for it when nothing is ready, running or suspended any more, not before: only so is the set of
    runs the same at every concurrency. All `all` joins and unfinished waves that still hold arrivals are named, each
    with the connections that brought nothing. An engine that names one of them agrees; so does one that fails at
    once, if its runs are among those here.
R20 What is left of an `all` join's queues after its runs starves it as well.
R21 A wave of `{"n": k}` that can no longer get k arrivals starves like `all`, since nobody expects it to vanish.

Waves and batches
R22 A wave opens when no run of the join is going on, and takes arrivals oldest first; it fires with its k-th. The run
    gets these k. What the open wave takes afterwards, during that run as well, is dropped.
R23 It closes, once fired, when every connection has delivered to it or no other live work can reach the join; what
    has arrived by then on connections that had not delivered still belongs to it. A run of the join is no other work,
    so a discriminator at the head of a loop closes its wave before its own loop comes round.
R24 `cancel`: when the wave fires, live work of exactly this scope is withdrawn that can reach the join and from where
    no path ends in this scope, or goes where no way leads to it, without meeting it. Cycles are no ends; paths that
    end inside an item are none, as `done` follows. An owner goes with everything inside. Formed runs leave a record
    `withdrawn`; waiting arrivals are dropped.
R25 `block`: the next wave waits while the join's own run is live, or other live work of the scope stands where the
    join leads to, whoever caused it.
R26 A batch takes any arrivals in order of age, several of one connection too (so it is an exception to "at most one
    per connection"). Its list is ordered by connection, then age. Windows are not modelled. A remainder goes when no
    other live work can reach the join and no run of it is live.

Input
R27 Ordered by connection, then age. `list` is a list also of one value. `merge` of anything but mappings is `last`.

Scopes
R28 A scope is a tuple of (owner, the owner's run number, item or round from 0), from the top inwards. A node's depth
    is the number of bodies it lies in; a connection that leaves bodies carries the arrival out as far as its target's
    depth.
R29 The body is what only the connections of the loop port give a way to from the trigger. A loop port may also lead
    directly out of the body, or back to the owner.
R30 Items of a for_each are open one at a time, unless `item_concurrency` says more; the next opens in the event that
    ended the one before, and after that event's other arrivals.
R31 The result of an item is what came back to the owner: the last one, ordered by connection, then time; None if
    nothing came. `done` carries the list; of no items it is [] and leaves at once.
R32 A while asks its node before each round, with what the last round brought back, or the value it had if nothing
    came. The answer `loop` opens a round, anything else is how the owner completes. It may suspend or fail only
    before the first. Its rounds count against max_iterations.
R33 A scope that holds a starved join has live work, so its item does not end. There is no on_item_error here.
R34 An owner's run leaves one record, when its last item has ended.

Ends
R35 A failing run ends everything at once: what runs then leaves no record. Compare verdicts, and runs as subsets.
R36 A cycle's way back is a connection to a node on the path of a depth-first walk from the trigger in connection
    order. More than max_iterations arrivals by it in one scope are LoopLimit, at once.
R37 The step limit counts settled runs. With it the records are a prefix: equal to an engine's at concurrency 1, where
    the owner's record comes last.

Known to depend on timing although the page calls them free of races
T1  `each`: which arrival is run 1.
T2  Connections that leave the bodies of items that run concurrently: which item's arrival is the oldest.
T3  The release (the page says so), and which runs a step limit or a failure still lets happen.
"""

from tests.reference_interpreter.behaviours import rotating, scripted
from tests.reference_interpreter.generate import (
    count_rooted_digraphs,
    nets_of,
    random_net,
    rooted_digraphs,
    rooted_digraphs_up_to_isomorphism,
)
from tests.reference_interpreter.interpreter import (
    Behaviour,
    Completed,
    Consumed,
    Each,
    Fail,
    Failed,
    Interpreter,
    LoopLimit,
    Record,
    Run,
    Starved,
    StepLimit,
    Suspend,
    Suspended,
    Verdict,
)
from tests.reference_interpreter.net import Edge, Net, NetError, NetNode
from tests.reference_interpreter.play import (
    Outcome,
    Result,
    TooManyStates,
    all_outcomes,
    run_sequential,
    run_with_order,
)

__all__ = [
    "Behaviour",
    "Completed",
    "Consumed",
    "Each",
    "Edge",
    "Fail",
    "Failed",
    "Interpreter",
    "LoopLimit",
    "Net",
    "NetError",
    "NetNode",
    "Outcome",
    "Record",
    "Result",
    "Run",
    "Starved",
    "StepLimit",
    "Suspend",
    "Suspended",
    "TooManyStates",
    "Verdict",
    "all_outcomes",
    "count_rooted_digraphs",
    "nets_of",
    "random_net",
    "rooted_digraphs",
    "rooted_digraphs_up_to_isomorphism",
    "rotating",
    "run_sequential",
    "run_with_order",
    "scripted",
]
