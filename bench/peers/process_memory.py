"""This process's memory as Linux counts it, for peers that report the peak of a training step."""


def status_bytes(field):
    """The value in bytes of a field of /proc/self/status: VmRSS (resident now) or VmHWM (its peak)."""
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            name, _, value = line.partition(":")
            if name == field:
                return int(value.split()[0]) * 1024
    raise RuntimeError(f"/proc/self/status has no {field}")


def reset_peak():
    """Makes VmHWM start again from the memory resident now, so that importing libraries does not count."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as clear:
        clear.write("5")
