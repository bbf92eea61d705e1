"""Every number that steers the engine, with its unit and its reason, and what must hold between them.

What lives here: numbers. What an operator sets for an installation is in conf.py, what an endpoint sets in its row.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """All of one engine. Tests make others; `check` says what does not fit together."""

    # How much is under way at once. Each is shared by customers (see shares.py): one alone gets half of it at most.
    in_flight: int = 8000  # requests; a hanging one over plain HTTP costs some 58 KB and a descriptor
    bytes_in_flight: int = 64 * MIB  # bodies that are being sent
    whole_bytes: int = 16 * 1024  # bodies up to here come with the claim; larger ones when they are sent
    crowd: int = 1000  # requests in flight from which on a lane that has not answered yet has one at a time

    # How much is taken at once. Large batches are cheap, small ones are fair.
    waiting: int = 3000  # deliveries in memory and not sent, of which one customer's next 64 lanes bring a few each
    lanes_a_take: int = 64  # lanes leased by one statement: half as many cost a tenth more, more let others wait
    first_claim: int = 4  # deliveries that come with a lease, or twice what may be in flight: what waits for others'
    # answers waits in memory. A lane shows by its next claims how much it can send.
    crowd_claim: int = 2  # the same in a crowd, where one of a lane is in flight until it answers
    claim_at_least: int = 20  # deliveries for each of many lanes that want some
    claim_bytes: int = 16 * MIB  # bodies in one claim, as far as they come with it
    starts_a_step: int = 64  # then answers are looked at: the next requests go over the connections that they free
    starts_beside: int = 16  # where several customers have lanes in hand: who comes waits for a step or two
    lanes_a_start: int = 4  # but one for four lanes that are looked at in a step: with hundreds that costs most
    bytes_a_step: int = MIB  # of bodies, each of which is fetched, signed and sent
    bulk_gap: float = 2.0  # times as long as a step took that sent again beside what is new of others, is none started
    bulk_gap_at_most: float = 0.1  # seconds: a step is long where the database is away, and that is no flood
    beside_seconds: float = 1.0  # since something new of others was started
    renewals_a_step: int = 200  # leases renewed by one statement, so that thousands do not hold up a step

    # Lanes that want a lease.
    hints: int = 256  # named by messages; beyond that the engine looks for itself, which is fair to all customers
    found: int = 2048  # found by looking; of one customer alone a third
    look: int = 256  # found in one look: as many as are kept of one customer alone while few are left
    probes: int = 1000  # lanes looked at in one look
    tries: int = 3  # for a lane that is in another worker's hands when its message comes

    # Moments, in seconds.
    slice_seconds: float = 1.0  # then a lane with more to send goes to the end of the line
    one_moment: float = 0.02  # how long what is started together shares one reading of the clock
    record_after: float = 0.004  # of a lane that is done: others that end now share the statement
    record_at_latest: float = 0.01  # of a lane that goes on: what is recorded is not sent twice by a successor
    claim_after: float = 0.003  # while few lanes want a claim
    look_again: float = 0.5  # at lanes in hand with room to send: their message may have come to another worker
    look_pause: float = 0.05  # at least between two looks that found nothing
    look_on: float = 0.25  # between two looks, with enough left to lease: what is found of one customer may be stuck
    try_again: tuple[float, ...] = (0.01, 0.1, 0.5)
    keeps_up: float = 0.25  # a lane that needs longer for what it claimed claims no more the next time
    still: float = 0.03  # without an answer a lane that only waits is asleep
    sweep: float = 0.05  # all lanes are looked at: for some of them only the time has come
    beat: float = 1.0  # a sign of life of this worker
    silent: float = 4.0  # without a beat, while another one has beaten all the while: the worker is lost
    silent_beats: float = 6.0  # as long as beats take have to fit into that; else the worker asks for twice as much
    silent_at_most: float = 64.0  # how much it asks for: so long others leave the lanes of a slow worker that was lost
    calm_beats: int = 30  # in a row that needed less, before it asks for half
    sure: float = 3.5  # after a beat was begun, a lane may be sent to: less than silent, for a request takes a moment
    beat_gap: float = 2.5  # between two beats: who was silent for longer is for a while no witness that others are
    keep_in_hand: float = 1.5  # a lane that rests no longer than this is not given back
    soon: float = 10.0  # retries and rests that end within this are remembered here, to the millisecond
    rest_of_problem: float = 60.0  # when nothing can be sent as the endpoint or the keyring is configured
    grace: float = 5.0  # for requests in flight at shut-down
    idle: float = 1.0  # between two looks at the clock while nothing is in hand

    losses_of_a_poison: int = 4  # workers lost in a row, the last one while nothing else of the kind was in flight

    def check(self) -> None:
        """Raise AssertionError where two numbers contradict each other."""
        assert self.beat < self.beat_gap < self.sure < self.silent, "one late beat is no silence"
        part = self.beat_gap / self.silent + 2 / self.silent_beats
        assert part < 1, "who was away for a gap is back before it is lost, however long its beats take"
        assert self.record_after <= self.record_at_latest < self.slice_seconds
        assert self.still <= self.sweep < self.look_again
        assert 2 * self.lanes_a_take + self.look <= self.found // 3, "what is found of one customer alone is kept"
        assert self.starts_beside <= self.starts_a_step
        assert max(self.first_claim, self.starts_a_step, 16 * self.lanes_a_take) <= self.waiting
        assert self.crowd < self.in_flight // 2, "a customer alone reaches the crowd before its share ends"
        assert self.whole_bytes <= self.bytes_a_step <= self.bytes_in_flight
        assert self.whole_bytes * self.claim_at_least <= self.claim_bytes <= self.bytes_in_flight
        assert len(self.try_again) == self.tries
        assert self.keep_in_hand < self.soon < self.rest_of_problem


LIMITS = Limits()
LIMITS.check()
