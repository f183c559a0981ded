"""Trino's type IPADDRESS and ``contains(network, address)``, as calls that DuckDB understands.

https://trino.io/docs/current/functions/ipaddress.html. An address is here what it is in Trino: 128 bits, those of IPv4
as ``::ffff:a.b.c.d``; written as 32 hexadecimal digits, so that a network is a range of texts.
"""

from __future__ import annotations

import ipaddress

from sqlglot import exp

from raytrail.localaws._athena._errors import QueryFailed

_MAPPED = "00000000000000000000ffff"
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_GROUP = "[0-9a-f]{1,4}"

PRELUDE = f"""
CREATE MACRO trino_ip_groups(t) AS
  list_transform(list_filter(string_split(t, ':'), lambda g: g <> ''), lambda g: lpad(g, 4, '0'));
CREATE MACRO trino_ip_v6(head, tail) AS
  CASE WHEN tail IS NULL THEN
    CASE WHEN len(trino_ip_groups(head)) = 8 THEN list_aggregate(trino_ip_groups(head), 'string_agg', '') END
  WHEN len(trino_ip_groups(head)) + len(trino_ip_groups(tail)) < 8 THEN
    rpad(coalesce(list_aggregate(trino_ip_groups(head), 'string_agg', ''), ''),
      CAST(32 - 4 * len(trino_ip_groups(tail)) AS INTEGER), '0')
    || coalesce(list_aggregate(trino_ip_groups(tail), 'string_agg', ''), '') END;
CREATE MACRO trino_ip(t) AS CASE
  WHEN regexp_full_match(t, '({_OCTET}\\.){{3}}{_OCTET}')
    THEN '{_MAPPED}' || list_aggregate(
      list_transform(string_split(t, '.'), lambda o: lpad(lower(to_hex(CAST(o AS INTEGER))), 2, '0')), 'string_agg', '')
  WHEN regexp_full_match(lower(t), '({_GROUP}(:{_GROUP})*)?(::)?({_GROUP}(:{_GROUP})*)?')
    AND contains(t, ':')
    THEN trino_ip_v6(string_split(lower(t), '::')[1], string_split(lower(t), '::')[2]) END;
"""
"""Macros that a connection needs."""


def address(node: exp.Cast) -> exp.Expr:
    """Return what DuckDB executes for a cast to IPADDRESS.

    Raises:
        QueryFailed: It is not TRY_CAST.
    """
    if not isinstance(node, exp.TryCast):
        raise QueryFailed(
            "NOT_SUPPORTED: an address is emulated here as TRY_CAST makes it, which gives NULL for others"
        )
    return exp.Anonymous(this="trino_ip", expressions=[node.this.copy()])


def is_address(node: exp.Expr) -> bool:
    """Whether an expression is what `address` gives."""
    return isinstance(node, exp.Anonymous) and node.name == "trino_ip"


def in_network(network: exp.Expr, inside: exp.Expr) -> exp.Expr:
    """Return what DuckDB executes for ``contains(network, address)``.

    Raises:
        QueryFailed: The network is not a literal, or none.
    """
    try:
        found = ipaddress.ip_network(network.name if isinstance(network, exp.Literal) else "", strict=False)
    except ValueError:
        raise QueryFailed(f"INVALID_FUNCTION_ARGUMENT: Invalid CIDR: {network.name}") from None
    first, last = (exp.Literal.string(_digits(end)) for end in (found.network_address, found.broadcast_address))
    within = exp.Between(this=inside.copy(), low=first, high=last)
    if found.version == 4:
        return exp.Paren(this=within)
    # No address of IPv4 is in a network of IPv6, not even in one around those that stand for them.
    mapped = exp.Anonymous(this="starts_with", expressions=[inside.copy(), exp.Literal.string(_MAPPED)])
    return exp.Paren(this=exp.and_(within, exp.Not(this=mapped)))


def _digits(end: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    return f"{_MAPPED}{int(end):08x}" if isinstance(end, ipaddress.IPv4Address) else f"{int(end):032x}"
