"""Mutation testing of the decision engine, the access rules and the policies (REL-3): `make mutation`.

The changes to the code are mutmut's. Its own command is not used, for it leaves decorated functions out and lets pytest
collect anew for each mutant; here a mutant is a fork of a process that is ready to run, and most take a few hundredths
of a second. Code that runs while a module is imported (constants, the tables of policies) is not changed.
"""
