"""The demo: the whole product on one machine that has Python and nothing else."""
