"""A small inventory that teaches its own format."""

from __future__ import annotations

_STARTER = """\
# An inventory: hosts, the network between them, and the VMs. Change it to what you have, then
#
#   evac check FILE --evacuate hv01 --deadline "10 min"
#   evac plan FILE --evacuate hv01 --deadline "10 min" -o plan.json
#
# Sizes are written 64 GiB or 40 GB, rates 10 Gbit/s or 30 MB/s (b is bit, B is byte), durations 90 min or 300 ms.
# `evac schema inventory` prints every key that there is.
format: evac/inventory/1
name: starter

settings:                        # all optional
  model: saturating              # how migrations are predicted; evac calibrate fits it to past ones
  downtime_limit: 300 ms         # pre-copy stops a VM once the rest takes no longer than this (QEMU's default)
  max_outgoing: 2                # migrations that may leave a host at once
  max_incoming: 2                # migrations that may enter a host at once

hosts:                           # memory and cpus: what VMs may use, overcommitment included
  - {name: hv01, cpus: 32, memory: 128 GiB, labels: [x86-v3]}
  - {name: hv02, cpus: 32, memory: 128 GiB, labels: [x86-v3]}
  - {name: hv03, cpus: 32, memory: 128 GiB, labels: [x86-v3]}

switches: [sw1]

links:                           # each direction has the bandwidth; usable is the share for migrations
  - {between: [hv01, sw1], bandwidth: 10 Gbit/s, usable: 0.8}
  - {between: [hv02, sw1], bandwidth: 10 Gbit/s, usable: 0.8}
  - {between: [hv03, sw1], bandwidth: 10 Gbit/s, usable: 0.8}

vms:                             # all VMs, also those that stay: they take up room
  # write_rate is how fast a VM dirties its memory, read_rate how fast it reads it.
  - {name: web-1, host: hv01, vcpus: 4, memory: 8 GiB, read_rate: 20 MB/s, write_rate: 10 MB/s}
  - name: db-1
    host: hv01
    vcpus: 8
    memory: 32 GiB
    disk: 0 B                    # what moves besides memory; 0 where storage is shared
    read_rate: 50 MB/s
    write_rate: 80 MB/s
    working_set: 4 GiB           # memory that these writes come back to; all of it if absent
    weight: 3                    # a second of its downtime counts three times
    max_downtime: 5 s
    approaches: [precopy]        # of cold, precopy, postcopy, hybrid; all of them if absent
    requires: [x86-v3]           # labels that its host must have
    pinned: false                # true: it may not move
  - {name: web-2, host: hv02, vcpus: 4, memory: 8 GiB, read_rate: 20 MB/s, write_rate: 10 MB/s}
  - {name: db-2, host: hv03, vcpus: 8, memory: 32 GiB, read_rate: 50 MB/s, write_rate: 80 MB/s}

rules:
  - {separate: [db-1, db-2]}     # never on one host
  - {before: [db-1, web-1]}      # db-1 has landed before web-1 starts
  # - {together: [app-1, cache-1]}      the same destination
  # - {not_at_once: [ha-a, ha-b]}       never in migration at the same time
"""


def starter_text() -> str:
    """Return the text of a small, commented inventory that can be planned as it is."""
    return _STARTER
