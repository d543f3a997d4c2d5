"""Test problems with exact derivatives, for code that differentiates or minimises.

The 35 problems of J. J. Moré, B. S. Garbow and K. E. Hillstrom, *Testing unconstrained optimization software*, ACM
Trans. Math. Softw. 7 (1981) 17-41. Not loaded by ``import fastdiff``.
"""

from ._problems import Problem, problem, problems

__all__ = ["Problem", "problem", "problems"]
