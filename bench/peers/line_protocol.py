"""A peer's side of the line protocol (bench/README.md): says that it is ready, then answers each line that it is asked."""

import json
import sys
import time

from process_memory import status_bytes


def serve(version, resident_before, step, prepare=lambda: None, memory=None):
    """Runs `step` as often as asked; `prepare` comes before the clock of a round. Returns when asked to quit. `memory`
    answers for a device that has memory of its own."""
    answer({"ready": True, "version": version})
    for line in sys.stdin:
        request = line.split()
        if request[0] == "step":
            prepare()
            steps = int(request[1])
            start = time.perf_counter()
            for _ in range(steps):
                step()
            answer({"seconds": time.perf_counter() - start, "steps": steps})
        elif request[0] == "memory":
            peak = status_bytes("VmHWM")
            answer(memory() if memory is not None else {"peakBytes": peak - resident_before, "residentBytes": peak})
        elif request[0] == "quit":
            return
        else:
            sys.exit(f"unknown request: {line.strip()}")


def answer(reply):
    print(json.dumps(reply), flush=True)
