"""What is changed on the living container: its restart policy and its limits, and what the engine does not take."""

from dataclasses import replace

from paunchd.reconcile.model import Past, State
from paunchd.spec import Limits
from tests.unit.places import NOW, good, item, of
from tests.unit.plans import attempt, planned, standing, trial

WEB = item(image="stub:1", hash_="v1:old")
NEW = item(image="stub:2", hash_="v1:new")
GOOD = {"web": good(WEB)}


def test_limits_are_changed_without_a_new_container():
    """What the engine can change on a living container replaces nothing."""
    web = item(mem_limit="64m", pids_limit=20)
    made = planned([web], [of(web, limits=Limits(memory=1, pids_limit=20))], {"web": good(web)})
    assert str(made) == "web: updated\n  update web (memory=67108864)"
    assert not made.statuses["web"].settled


def test_a_limit_that_is_no_longer_declared_is_lifted_on_the_living_container():
    """The definition says all there is to say: what it leaves out is not limited."""
    left = Limits(pids_limit=20, cpu_shares=7, memory_reservation=8 << 20, cpu_quota=50000)
    made = planned([WEB], [of(WEB, limits=left)], GOOD)
    values = "memory_reservation=-1, cpu_shares=1024, cpu_quota=-1, pids_limit=-1"
    assert str(made) == f"web: updated\n  update web ({values})"


def test_processors_that_are_no_longer_declared_are_all_of_the_node_again():
    """Which those are is seen with the container; where nobody knows, nothing is set and the limit is told."""
    bound = of(WEB, limits=Limits(cpuset_cpus="0"))
    known = replace(bound, details=replace(bound.details, processors="0-3"))
    assert str(planned([WEB], [known], GOOD)) == "web: updated\n  update web (cpuset_cpus=0-3)"
    made = planned([WEB], [bound], GOOD)
    assert (str(made), "cpuset_cpus is still" in made.statuses["web"].reason) == ("", True)


def test_a_limit_that_cannot_be_lifted_is_told_and_nothing_is_tried():
    """A living container keeps its memory limit; that is said of the good one, which is settled with it."""
    made = planned([WEB], [of(WEB, limits=Limits(memory=64 << 20, memory_swap=128 << 20))], GOOD)
    status = made.statuses["web"]
    assert (str(made), status.state, status.settled) == ("", State.RUNNING, True)
    assert status.reason == (
        "memory is still limited to 67108864: no living container can be given that; the next replacement mends it"
    )


def test_a_restart_policy_changed_by_hand_or_by_us_is_set_back():
    """The engine's policy is what the definition says, so containers survive the daemon and a reboot."""
    made = planned([WEB], [of(WEB, actual_restart="no")], GOOD)
    assert str(made) == "web: updated\n  update web (restart=always)"


def test_a_stopped_container_with_a_stale_policy_is_told_as_stopped():
    """The policy is set first, but the reason people want is why it is down."""
    made = planned([WEB], [of(WEB, state="exited", exit_code=2, actual_restart="no")], GOOD)
    assert str(made) == "web: exited (code 2)\n  update web (restart=always)\n  start web"
    assert made.statuses["web"].state is State.PREPARING


def test_the_declared_policy_counts_and_not_the_one_the_container_was_made_with():
    """A policy changed in place is not undone when the good container is revived."""
    changed = item(image="stub:1", restart="on-failure", hash_="v1:old")
    stopped = replace(of(changed, state="exited", exit_code=1), restart="always")
    assert str(planned([NEW], [stopped], {"web": good(changed)})) == "web: exited (code 1)\n  start web"


def test_limits_never_delay_a_verdict():
    """A value the engine refuses must not keep a proven container from being accepted."""
    web = item(mem_limit="64m")
    live = of(web)
    past = {"web": Past(known=True, trial=trial(live, healthy_at=NOW))}
    assert str(planned([web], [live], past)).startswith("web: verdict\n  accept")


LIMITED = item(mem_limit="4k")
TOO_LITTLE = "cannot update web: Minimum memory limit allowed is 6MB"


def refusal(values="memory=4096", **fields) -> Past:
    return good(LIMITED, update=attempt(values, error=TOO_LITTLE, refused=True, **fields))


def test_a_value_the_engine_refuses_is_a_failure_that_costs_the_container_nothing():
    """What runs is not what the definition says: that is told, with the value and the engine's words."""
    made = planned([LIMITED], [of(LIMITED)], {"web": refusal()})
    status = made.statuses["web"]
    assert (str(made), status.state, status.settled, status.until) == ("", State.FAILED, False, NOW + 4)
    assert status.reason == f"memory=4096: {TOO_LITTLE}; it runs on as it is"


def test_a_refused_value_is_tried_again_and_told_until_it_is_taken():
    """While it is tried once more nothing else is said of it."""
    made = planned([LIMITED], [of(LIMITED)], {"web": refusal(next_at=NOW)})
    assert str(made) == "web: updated\n  update web (memory=4096)"
    status = made.statuses["web"]
    assert (status.state, status.until) == (State.FAILED, None)


def test_another_value_is_tried_at_once():
    """A changed definition is not put off by what was refused before."""
    assert planned([LIMITED], [of(LIMITED)], {"web": refusal("memory=2048")}).lanes


def test_a_refused_value_puts_off_no_start():
    """A container that ends meanwhile is brought back at once."""
    down = of(LIMITED, state="exited", exit_code=1)
    assert str(planned([LIMITED], [down], {"web": refusal()})) == "web: exited (code 1)\n  start web"


def test_a_container_that_does_not_stay_up_puts_off_no_change_in_place():
    """The pauses of its starts are not those of its limits."""
    past = good(LIMITED, attempt=attempt(LIMITED.hash))
    assert str(planned([LIMITED], [of(LIMITED)], {"web": past})) == "web: updated\n  update web (memory=4096)"


def test_an_engine_in_trouble_refuses_nothing():
    """A change in place that did not come through is tried again; the container runs, and is said to."""
    past = good(LIMITED, update=attempt("memory=4096", error="cannot update web: 500"))
    status = standing("web", [LIMITED], [of(LIMITED)], {"web": past})
    assert (status.state, status.settled) == (State.RUNNING, False)
    assert status.reason == "memory=4096: cannot update web: 500; it runs on as it is"


def test_a_refused_value_is_no_reason_to_reject_a_revision():
    """Neither the one on trial nor, through it, its group."""
    old = item(image="stub:1", hash_="v1:old", rollout={"group": "pair"})
    new = item(image="stub:2", hash_="v1:new", rollout={"group": "pair"}, mem_limit="4k")
    past = replace(good(old), update=refusal().update, trial=trial(of(new), healthy_at=NOW))
    other = item("db", image="stub:2", hash_="v1:db", rollout={"group": "pair"})
    db = replace(good(item("db", hash_="v1:db-old")), trial=trial(of(other), healthy_at=NOW))
    made = planned([new, other], [of(new), of(other)], {"web": past, "db": db})
    assert str(made) == ""
    assert made.statuses["web"].state is State.FAILED


def test_a_limit_is_set_in_a_lane_of_its_own():
    """If it is refused, what else was to be done has been done."""
    kept = of(WEB, engine_name="web.prev", state="exited", actual_restart="no")
    assert str(planned([LIMITED], [of(LIMITED), kept], {"web": good(LIMITED)})) == "web: left-over\n  remove web.prev"
