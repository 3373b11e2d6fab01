"""The fields GF(2^t), whose elements are polynomials over GF(2) modulo an irreducible one.

A polynomial is stored as an integer: bit i is the coefficient of x^i.
"""

from collections.abc import Sequence
from functools import cache

X = 0b10
"""The polynomial x."""


def multiply(one: int, other: int, modulus: int) -> int:
    """Returns the product of two elements of the field GF(2^t); their sum is `one ^ other`.

    Args:
        one: An element in [0, 2^t), where t is the degree of the modulus.
        other: Another element in [0, 2^t).
        modulus: Irreducible polynomial that defines the field, in [2^t, 2^(t + 1)).

    Returns:
        An element in [0, 2^t).

    Source:
        FIPS 197, section 4.2, which also has the example.

    Example:
        >>> hex(multiply(0x57, 0x83, modulus=0x11B))
        '0xc1'
    """
    product, degree = 0, modulus.bit_length() - 1
    for bit in f"{other:b}":
        product <<= 1
        if product >> degree:
            product ^= modulus
        if bit == "1":
            product ^= one
    return product


def evaluate(coefficients: Sequence[int], point: int, modulus: int) -> int:
    """Returns c_1 k + c_2 k^2 + ... + c_L k^L, a polynomial without a constant term.

    Args:
        coefficients: Elements c_1 to c_L of the field, in [0, 2^t).
        point: Element k at which the polynomial is evaluated, in [0, 2^t).
        modulus: Irreducible polynomial that defines the field, in [2^t, 2^(t + 1)).

    Returns:
        An element in [0, 2^t).

    Source:
        Horner's method.

    Example:
        >>> evaluate([3, 1], point=2, modulus=0b1011) == 3 * 2 ^ 2 * 2
        True
    """
    value = 0
    for coefficient in reversed(coefficients):
        value = multiply(value ^ coefficient, point, modulus)
    return value


@cache
def irreducible(degree: int) -> int:
    """Returns the irreducible polynomial of a degree that is the smallest integer.

    Args:
        degree: Degree t of the polynomial; at least 1. Up to a few hundred, the search takes less
            than a second.

    Returns:
        A polynomial in [2^t, 2^(t + 1)), whose bits are its coefficients.

    Raises:
        ValueError: If the degree is less than 1.

    Example:
        >>> bin(irreducible(8)), bin(irreducible(64) ^ 1 << 64)
        ('0b100011011', '0b11011')
    """
    if degree < 1:
        raise ValueError(f"Argument `degree` must be at least 1, but is {degree}.")
    # Even numbers are left out, because a polynomial without a constant term is divisible by x.
    candidates = range((1 << degree) + 1, 2 << degree, 2)
    return next(filter(is_irreducible, candidates))


def is_irreducible(polynomial: int) -> bool:
    """Returns whether a polynomial over GF(2) is not a product of two of lower degree.

    The irreducible factors of x^(2^i) - x are all irreducible polynomials whose degree divides i.
    So a polynomial of degree t >= 1 is irreducible if and only if it has no factor in common with
    x^(2^i) - x for any i in [1, t/2].

    Args:
        polynomial: At least 1; bit i is the coefficient of x^i.

    Source:
        Ben-Or, FOCS 1981, 394. Most reducible polynomials are found at a small i.

    Example:
        >>> is_irreducible(0b111), is_irreducible(0b101)  # x^2 + 1 is (x + 1)^2
        (True, False)
    """
    degree, power = polynomial.bit_length() - 1, X
    for _ in range(degree // 2):
        power = multiply(power, power, polynomial)
        if _common_factor(polynomial, power ^ X) != 1:
            return False
    return degree > 0


def _common_factor(one: int, other: int) -> int:
    # Euclid's algorithm; subtraction is XOR.
    while other:
        while one.bit_length() >= other.bit_length():
            one ^= other << one.bit_length() - other.bit_length()
        one, other = other, one
    return one
