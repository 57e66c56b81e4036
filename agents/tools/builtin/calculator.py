"""Arithmetic, read as a syntax tree and never evaluated as code."""

import ast
import math
import operator
from collections.abc import Callable

from agents.errors import ToolError
from agents.tools.definition import tool

MAX_CHARACTERS = 1_000
MAX_BITS = 4_096
MAX_FACTORIAL = 500

Number = int | float

_BINARY: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNARY: dict[type[ast.unaryop], Callable[[Number], Number]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
_FUNCTIONS: dict[str, Callable[..., Number]] = {
    "abs": abs,
    "ceil": math.ceil,
    "cos": math.cos,
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "log10": math.log10,
    "log2": math.log2,
    "max": max,
    "min": min,
    "round": round,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tan": math.tan,
}
_CONSTANTS: dict[str, Number] = {"pi": math.pi, "e": math.e}


@tool(timeout_seconds=5, idempotent=True)
def calculator(expression: str) -> dict[str, str | int | float]:
    """Work out an arithmetic expression exactly, such as "17*23" or "sqrt(2) * (3 + 4) ** 2".

    Knows + - * / // % ** and brackets, pi and e, and the functions abs, ceil, cos, exp,
    factorial, floor, log, log10, log2, max, min, round, sin, sqrt and tan.

    Args:
        expression: The expression.
    """
    return {"expression": expression, "result": evaluate(expression)}


def evaluate(expression: str) -> Number:
    """Return the value of an arithmetic expression.

    Raises:
        ToolError: It is too long, too large, or not arithmetic.
    """
    if len(expression) > MAX_CHARACTERS:
        msg = f"The expression has {len(expression)} characters; the limit is {MAX_CHARACTERS}."
        raise ToolError(msg)
    try:
        result = _value(ast.parse(_plain(expression), mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError) as error:
        msg = f"{expression!r} is no arithmetic expression."
        raise ToolError(msg) from error
    except ZeroDivisionError as error:
        msg = "Division by zero."
        raise ToolError(msg) from error
    except (ArithmeticError, ValueError, TypeError) as error:
        msg = f"{expression!r} can't be worked out: {error}."
        raise ToolError(msg) from error
    if isinstance(result, float) and not math.isfinite(result):
        msg = f"The value of {expression!r} is not a finite number."
        raise ToolError(msg)
    return result


def _plain(expression: str) -> str:
    """Write signs the way people type them as Python's."""
    signs = {"\u00d7": "*", "\u00b7": "*", "\u00f7": "/", "\u2212": "-", "^": "**"}
    for sign, plain in signs.items():
        expression = expression.replace(sign, plain)
    return expression.strip().rstrip("=").strip()


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return number
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
            return _UNARY[type(sign)](_value(operand))
        case ast.BinOp(left=left, op=sign, right=right):
            return _combined(sign, _value(left), _value(right))
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _call(name, [_value(argument) for argument in arguments])
        case _:
            msg = f"{ast.unparse(node)!r} is not part of arithmetic"
            raise ValueError(msg)


def _combined(sign: ast.operator, left: Number, right: Number) -> Number:
    if isinstance(sign, ast.Pow):
        return _power(left, right)
    if type(sign) not in _BINARY:
        msg = f"{type(sign).__name__} is not part of arithmetic"
        raise ValueError(msg)
    return _small(_BINARY[type(sign)](left, right))


def _call(name: str, arguments: list[Number]) -> Number:
    if name == "factorial" and len(arguments) == 1:
        (number,) = arguments
        if not isinstance(number, int) or not 0 <= number <= MAX_FACTORIAL:
            msg = f"factorial takes a whole number from 0 to {MAX_FACTORIAL}"
            raise ValueError(msg)
        return math.factorial(number)
    if name not in _FUNCTIONS:
        msg = f"there is no function {name!r}"
        raise ValueError(msg)
    return _FUNCTIONS[name](*arguments)


def _power(base: Number, exponent: Number) -> Number:
    whole = isinstance(base, int) and isinstance(exponent, int)
    if whole and int(base).bit_length() * abs(exponent) > MAX_BITS:
        msg = "the number is too large"
        raise OverflowError(msg)
    result = base**exponent
    if isinstance(result, complex):
        msg = "the result is not a real number"
        raise ValueError(msg)  # noqa: TRY004  (the value is at fault, not a type)
    return float(result) if isinstance(result, float) else int(result)


def _small(number: Number) -> Number:
    if isinstance(number, int) and number.bit_length() > MAX_BITS:
        msg = "the number is too large"
        raise OverflowError(msg)
    return number
