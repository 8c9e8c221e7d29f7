"""What happens around every call, one concern a file, outermost first."""

from collections.abc import Sequence

import grpc.aio

from routerhub_server.accounts import Accounts
from routerhub_server.capacity import ByteBudget
from routerhub_server.doors.interceptors.authentication import AuthenticationInterceptor
from routerhub_server.doors.interceptors.context import ContextInterceptor
from routerhub_server.doors.interceptors.decoding import DecodingInterceptor
from routerhub_server.doors.interceptors.failures import RestFailuresInterceptor, TypedFailuresInterceptor
from routerhub_server.settings import LimitSettings


def typed(
    accounts: Accounts, limits: LimitSettings, budget: ByteBudget
) -> Sequence[grpc.aio.ServerInterceptor]:
    return (
        ContextInterceptor("grpc", limits, budget),  # first: all below log and answer with the request id
        TypedFailuresInterceptor(),  # before all that can fail, so that nothing fails outside of it
        AuthenticationInterceptor(accounts),  # the handlers behind it know their caller
        DecodingInterceptor(),  # last: what is wrong with a message is no business of strangers
    )


def rest(
    accounts: Accounts, limits: LimitSettings, budget: ByteBudget
) -> Sequence[grpc.aio.ServerInterceptor]:
    return (
        ContextInterceptor("rest", limits, budget),  # first, as above
        RestFailuresInterceptor(limits),  # renders errors as HTTP replies, after reading what is being sent
        AuthenticationInterceptor(accounts),  # before the upload is read: strangers cost no memory
    )
