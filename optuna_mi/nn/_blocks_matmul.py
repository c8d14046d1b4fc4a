"""Matrix products of the ``blocks`` backend: single precision, or operands in bfloat16.

Under ``torch.autocast("cpu", torch.bfloat16)`` the operands are rounded to bfloat16, as autocast
rounds those of ``torch.mm``; sums over groups, cells and parameters stay in single precision.
"""

from __future__ import annotations

import torch


def product_dtype() -> torch.dtype:
    """The dtype of operands: bfloat16 where autocast asks for it."""
    if torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16:
        return torch.bfloat16
    return torch.float32


def multiply(
    out: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    *,
    bias: torch.Tensor | None = None,
    add: bool = False,
) -> None:
    """``out = a b``, plus a bias per column, or ``out += a b``.

    Args:
        out: float32 ``(m, n)``; written.
        a: ``(m, k)``, float32 or what ``b`` is.
        b: ``(k, n)``; its dtype is that of the operands.
        bias: ``(n,)``.
        add: Add to ``out``.
    """
    if b.dtype == torch.float32:
        if add:
            out.addmm_(a, b)
        elif bias is not None:
            torch.addmm(bias, a, b, out=out)
        else:
            torch.mm(a, b, out=out)
        return
    a = a.to(b.dtype)
    if add:
        out.add_((a @ b).float())
    elif bias is not None:
        out.copy_(torch.addmm(bias.to(b.dtype), a, b))
    else:
        out.copy_(a @ b)


def transposed(weight: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return the transpose as an operand, contiguous."""
    return weight.t().to(dtype).contiguous()
