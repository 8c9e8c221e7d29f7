"""Receipts and sums, as messages."""

from collections.abc import Mapping

from routerhub.admin.v1 import admin_service_pb2 as pb
from routerhub_server.doors.admin.values import write_money, write_time
from routerhub_server.errors import Spent
from routerhub_server.ledger import Attempt, Grouping, Receipt, Sum
from routerhub_server.prices import Line

SPENT: Mapping[Spent, pb.Spent.ValueType] = {
    "no": pb.SPENT_NO,
    "possible": pb.SPENT_POSSIBLE,
    "yes": pb.SPENT_YES,
}
GROUPINGS: Mapping[int, Grouping] = {
    pb.ReportUsageRequest.BY_KEY: "key",
    pb.ReportUsageRequest.BY_MODEL: "model",
    pb.ReportUsageRequest.BY_DAY: "day",
    pb.ReportUsageRequest.BY_UPSTREAM: "upstream",
}


def write_receipt(receipt: Receipt, currency: str) -> pb.Receipt:
    return pb.Receipt(
        request_id=receipt.request_id,
        account_id=receipt.account_id,
        account_name=receipt.account,
        model=receipt.model,
        state=receipt.state,
        admitted_at=write_time(receipt.created_at),
        finished_at=write_time(receipt.finished_at),
        images_asked=receipt.images,
        images=receipt.images_arrived,
        tier=receipt.tier,
        spent=SPENT[receipt.charged],
        cost=write_money(receipt.cost, currency),
        attempts=[_attempt(attempt, currency) for attempt in receipt.attempts],
        flags=receipt.all_flags,
        reason=receipt.reason or "",
        call_id=receipt.call_id or "",
        door=receipt.door,
        estimate=write_money(receipt.estimate, currency),
    )


def _attempt(attempt: Attempt, currency: str) -> pb.Attempt:
    return pb.Attempt(
        number=attempt.number,
        upstream=attempt.upstream,
        model=attempt.model,
        started_at=write_time(attempt.started_at),
        ended_at=write_time(attempt.ended_at),
        outcome=attempt.outcome or "",
        spent=SPENT[attempt.spent],
        tokens=None if attempt.tokens is None else pb.Tokens(**attempt.tokens.counts()),
        images=attempt.images,
        cost=write_money(attempt.cost, currency),
        tier=attempt.tier or "",
        lines=[_line(line, currency) for line in attempt.lines],
        flags=attempt.flags,
    )


def _line(line: Line, currency: str) -> pb.Line:
    return pb.Line(
        kind=line.kind,
        quantity=line.quantity,
        price=write_money(line.price, currency),
        cost=write_money(line.nano, currency),
    )


def write_sum(each: Sum, currency: str) -> pb.UsageRow:
    return pb.UsageRow(
        key=each.key,
        name=each.name,
        requests=each.requests,
        attempts=each.attempts,
        images=each.images,
        tokens=pb.Tokens(**each.tokens),
        spent=write_money(each.spent, currency),
        possible=write_money(each.possible, currency),
        unpriced=each.unpriced,
    )
