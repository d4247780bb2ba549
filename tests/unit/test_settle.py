"""What is still being written is waited for; what never comes to rest is told, and costs nothing."""

import pytest

from paunchd.files.settle import FREE_CHANGES, LONGEST_SECONDS, Memory, Pace, content_of, disturbed, seen
from paunchd.reconcile.model import Content

PACE = Pace(5.0)
LONG_AGO = -1000.0


class Reading:
    """Reads content at moments."""

    def __init__(self, pace=PACE):
        self.pace = pace
        self.memory: Memory | None = None

    def __call__(self, digest, now, changed_at=None, scope="s1"):
        found = Content(scope, digest, {"a.conf": digest})
        self.memory = seen(self.memory, found, now if changed_at is None else changed_at, now, self.pace)
        return content_of(self.memory, now, self.pace)


@pytest.fixture
def read():
    return Reading()


def test_what_was_there_long_before_counts_at_once(read):
    """Nothing is waited for where nothing has been written lately."""
    assert read("one", 0.0, LONG_AGO).settled


def test_what_was_written_just_before_the_first_look_is_waited_for(read):
    """The daemon may have begun in the midst of it."""
    assert read("one", 0.0, -2.0).until == 3.0
    assert read("one", 3.0, -2.0).settled


def test_a_rewriting_of_several_seconds_is_one_change(read):
    """Each change begins the wait anew, and in the end there is one content (puppet takes its time)."""
    read("one", 0.0, LONG_AGO)
    for second in range(1, 8):
        assert read(f"half {second}", float(second)).until == second + 5.0
    assert not read("half 7", 11.9).settled
    done = read("half 7", 12.0)
    assert (done.settled, done.digest) == (True, "half 7")


def test_what_changes_and_changes_back_is_no_change(read):
    """It comes to rest as what it was."""
    read("one", 0.0, LONG_AGO)
    read("two", 1.0)
    read("one", 2.0)
    assert read("one", 7.0).digest == "one"
    assert read.memory.rests == ()


def test_what_moves_while_it_is_read_is_waited_for_as_well(read):
    """Also where nothing was known before; what was known stays known meanwhile."""
    fresh = content_of(disturbed(None, "s1", 0.0), 0.0, PACE)
    assert (fresh.digest, fresh.until) == ("", 5.0)
    read("one", 0.0, LONG_AGO)
    moving = content_of(disturbed(read.memory, "s1", 1.0), 1.0, PACE)
    assert (moving.digest, moving.until) == ("one", 6.0)


def test_what_never_comes_to_rest_is_told(read):
    """A log among the config files must neither replace its container nor keep other changes from it."""
    read("one", 0.0, LONG_AGO)
    content = None
    for second in range(1, int(LONGEST_SECONDS) + 3):
        content = read(f"line {second}", float(second))
    assert content.trouble == "they keep changing (a.conf); exclude what is no configuration"
    assert content.until is None
    assert not content.settled
    assert read(f"line {second}", 1000.0).settled


def test_a_container_that_changes_its_own_files_is_replaced_ever_more_rarely(read):
    """After some changes within ten minutes the wait doubles each time, so nothing goes round in a tight loop."""
    now, waits = 0.0, []
    read("0", now, LONG_AGO)
    for number in range(1, FREE_CHANGES + 4):
        now += 1
        until = read(str(number), now).until
        waits.append(until - now)
        now = until
        assert read(str(number), now).settled
    assert waits == [*[5.0] * (FREE_CHANGES + 1), 10.0, 20.0]
    later = now + 1000.0
    assert read("quiet again", later).until == later + 5.0


def test_other_rules_begin_anew(read):
    """Digests of other files say nothing about these."""
    read("one", 0.0, LONG_AGO)
    assert read("two", 1.0, LONG_AGO, scope="s2").settled
