"""The operator's door: accounts, receipts and usage, on an address of its own."""

from routerhub_server.doors.admin.interceptors import around_calls
from routerhub_server.doors.admin.service import AdminService

__all__ = ["AdminService", "around_calls"]
