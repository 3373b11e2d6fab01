"""Floating-point operations, counted in the program that JAX traces."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr

FREE = frozenset(
    {
        *("broadcast_in_dim", "reshape", "squeeze", "transpose", "slice", "concatenate", "copy"),
        *("gather", "scatter", "dynamic_slice", "dynamic_update_slice", "pad", "rev", "iota"),
        *("convert_element_type", "select_n", "bitcast_convert_type", "stop_gradient", "split"),
        *("optimization_barrier", "random_wrap", "random_unwrap", "argsort", "copy_p", "unstack"),
    }
)
"""Operations that only move numbers or select among them."""
REDUCTIONS = ("reduce_", "arg", "cum")


def of(function: Any, *arguments: Any) -> float:  # noqa: ANN401
    """Returns the number of floating-point operations of a call.

    A matrix product counts two operations for each product of two entries. Any other operation,
    also a root or a logarithm, counts one for each number of its result or, if it is a reduction,
    of its input. A loop counts once for each iteration, but a loop that ends on a condition counts
    only once. Of several branches, the one with most operations counts.

    Args:
        function: Any function of arrays that JAX can trace.
        arguments: Only their shapes and types matter.

    Example:
        >>> of(lambda a, b: (a @ b).sum(), jnp.ones((2, 3)), jnp.ones((3, 4)))
        56.0
    """
    return _of_jaxpr(jax.make_jaxpr(function)(*arguments).jaxpr)


def _of_jaxpr(jaxpr: Jaxpr) -> float:
    return sum(map(_of_equation, jaxpr.eqns), start=0.0)


def _of_equation(equation: Any) -> float:  # noqa: ANN401 - JAX gives its equations no public type
    inner = [_of_jaxpr(jaxpr) for jaxpr in _jaxprs(equation.params)]
    name = equation.primitive.name
    if name == "cond":
        return max(inner)
    if inner:
        return sum(inner) * equation.params.get("length", 1)
    made = equation.outvars[0].aval
    taken = [variable.aval for variable in equation.invars]
    if name in FREE or not any(_is_float(aval) for aval in (made, *taken)):
        return 0.0
    if name == "dot_general":
        contracted = equation.params["dimension_numbers"][0][0]
        return 2.0 * made.size * math.prod(taken[0].shape[axis] for axis in contracted)
    return float(taken[0].size if name.startswith(REDUCTIONS) else made.size)


def _jaxprs(parameters: dict[str, Any]) -> list[Jaxpr]:
    values = [part for value in parameters.values() for part in _parts(value)]
    return [value.jaxpr if isinstance(value, ClosedJaxpr) else value for value in values]


def _parts(value: object) -> list[Any]:
    values = value if isinstance(value, tuple | list) else (value,)
    return [part for part in values if isinstance(part, ClosedJaxpr | Jaxpr)]


def _is_float(aval: Any) -> bool:  # noqa: ANN401
    return jnp.issubdtype(aval.dtype, jnp.floating)
