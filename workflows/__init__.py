"""Order, time and waiting: one file per workflow. What is decided is decided in ``onboarding``; nothing is known here.

A history holds ids, codes and times only. Modules import the project under ``imports_passed_through``: the sandbox
would otherwise load the whole import tree anew for every run.
"""
