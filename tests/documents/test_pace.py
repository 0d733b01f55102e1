import threading

from coworker_pipelines.documents.pace import RECOVERY_ANSWERS, Pace
from coworker_pipelines.documents.patience import Patience


def test_pace_halves_and_recovers_slowly() -> None:
    pace = Pace(8)
    pace.slow_down()
    pace.slow_down()
    assert pace.allowed == 2
    for _ in range(RECOVERY_ANSWERS):
        pace.go_on()
    assert pace.allowed == 3


def test_pace_never_stops_and_never_exceeds_its_most() -> None:
    pace = Pace(2)
    for _ in range(10):
        pace.slow_down()
    assert pace.allowed == 1
    for _ in range(100):
        pace.go_on()
    assert pace.allowed == 2


def test_no_more_are_under_way_than_allowed() -> None:
    pace = Pace(2)
    pace.slow_down()
    under_way: list[int] = []
    seen: list[int] = []
    lock = threading.Lock()

    def work() -> None:
        for _ in range(50):
            with pace.slot():
                with lock:
                    under_way.append(1)
                    seen.append(len(under_way))
                with lock:
                    under_way.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(seen) == 1


def test_delays_double_up_to_their_limit_and_honour_what_was_asked() -> None:
    patience = Patience(attempts=9, delay_s=1, delay_max_s=20)
    assert all(1 <= patience.delay(1, None) <= 2 for _ in range(50))
    assert all(10 <= patience.delay(30, None) <= 20 for _ in range(50))
    assert patience.delay(0, 7.0) == 7
    assert patience.delay(0, 3_600.0) == 20
