"""A migration lab on one small machine: real QEMU, a tiny guest, a shaped link. docs/lab.md says what and why."""
